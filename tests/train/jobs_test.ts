/** What is done before a phase: pseudo-labels that a stream reads, once, however often the run is stopped. */
import assert from "node:assert/strict";
import type { TrainEvent } from "../../core/events.ts";
import type { PlannedJob, PlannedStream, RunPlan } from "../../core/plan.ts";
import type { JobPlan, JobTools, LossPlan } from "../../core/plugin.ts";
import { labelFolder, relabelled } from "../../datasets/relabelled.ts";
import { train } from "../../train/mod.ts";
import { openPredictor } from "../../train/predictor.ts";
import {
  crossEntropy,
  learning,
  lossPlan,
  optimizerPlan,
  plainFiles,
  planned,
  SIDE,
  tinyData,
  type TinyParts,
  tinyPlan,
} from "./fakes.ts";
import { go, pathTest as test, undisturbed, valuesOfEvents } from "./runs.ts";

const WHO = 'job "pseudo" (recipe.yaml, at phases[1].before[0])';

function job(plan: Partial<JobPlan> & Pick<JobPlan, "run">): PlannedJob {
  return {
    name: "pseudo",
    at: ["phases", 1, "before", 0],
    origin: "recipe.yaml",
    plan: {
      reads: ["target"],
      dataset: ({ datasets, relabelled }) => relabelled(datasets["target"]!),
      ...plan,
    },
  };
}

/** Labels of the target where the network is sure and a coin falls on its head. */
async function label(tools: JobTools): Promise<void> {
  const { images, writeLabels, ignoreLabel, random, note } = tools;
  for await (const image of images("target")) {
    assert.deepEqual([image.count, image.width, image.height], [4, SIDE, SIDE]);
    const { labels, confidence } = await image.predict();
    const kept = labels.map((id, k) => confidence[k]! > 0.4 && random.next() < 0.9 ? id : ignoreLabel);
    await writeLabels(image, kept);
    note(`${image.index} ${image.id}`);
  }
}

const pseudo: PlannedStream = { name: "pseudo", at: [], origin: "recipe.yaml", job: "pseudo", labels: true };
const losses = [planned("ce", lossPlan(crossEntropy)), planned("pseudo", learning("pseudo"))];

/** A warm-up, then a phase that learns from what the job made of its weights. */
function planWith(before: PlannedJob, more: TinyParts = {}): RunPlan {
  return tinyPlan({
    earlier: [{ name: "warm", losses: [losses[0]!], before: [], streams: [], from: { kind: "seed" } }],
    from: { kind: "phase", name: "warm" },
    before: [before],
    losses,
    streams: [pseudo],
    optimizer: optimizerPlan({ lr: 0.2, momentum: 0.9 }),
    ...more,
  }, { steps: 4, checkpointEvery: 0 });
}

/** A job that counts how often it began. */
function counted() {
  const began: string[] = [];
  const before = job({
    async run(tools) {
      began.push("began");
      await label(tools);
    },
  });
  return { began, plan: planWith(before) };
}

test("a job labels images with the weights that its phase starts from, and the phase learns from them", async (folder) => {
  const plan = planWith(job({
    async run({ images, writeLabels }) {
      for await (const image of images("target")) {
        // One image is left out.
        if (image.index !== 2) await writeLabels(image, (await image.predict()).labels);
      }
    },
  }));
  const { events, result } = await go(folder, plan);
  assert.deepEqual(result.earlier.map(({ name }) => name), ["warm"]);
  assert.ok(events.some((event) => event.type === "step" && event.terms["pseudo"]! > 0));
  const warm = `${folder}/run/phases/warm/checkpoints/last.safetensors`;
  assert.deepEqual(events.flatMap((event) => event.type === "note" ? [event.message] : []), [
    `weights of ${warm}`,
    "pseudo: begins",
    "pseudo: done",
  ]);
  const at = `${folder}/run/jobs/pseudo`;
  const { job: done, files: digests } = JSON.parse(await Deno.readTextFile(`${at}/done.json`));
  assert.deepEqual([done, Object.keys(digests)], [
    "pseudo",
    ["labels/000000.png", "labels/000001.png", "labels/000003.png", "labels/index.json"],
  ]);
  const own = { root: "", seed: plan.seed, files: plainFiles };
  const [target, left] = await Promise.all([
    plan.data.target.open(own),
    plan.phases[1]!.before[0]!.plan.dataset!({
      folder: at,
      datasets: { target: plan.data.target },
      relabelled: (dataset) => relabelled(dataset, labelFolder(at)),
    }).open(own),
  ]);
  assert.equal(left.length, 3);
  const predictor = await openPredictor(plan, { checkpoint: warm, files: plainFiles });
  for (const [place, index] of [0, 1, 3].entries()) {
    const { id, labels } = await left.read(place, { labels: true });
    const sample = await target.read(index, { labels: false });
    assert.equal(id, sample.id);
    assert.deepEqual(labels, (await predictor.predict(sample)).labels);
  }
  predictor.dispose();
});

test("stopped in a job: it is repeated from its start, and the run ends as if it had not been stopped", async (folder) => {
  const whole = await undisturbed(counted().plan);
  const { began, plan } = counted();
  const stop = await go(
    folder,
    plan,
    (event) => event.type === "note" && event.message.startsWith("pseudo: 1 "),
  );
  assert.deepEqual(stop.result, { steps: 0, interrupted: true, earlier: whole.result.earlier });
  assert.deepEqual(stop.events.slice(-1), [{ type: "end", phase: "tiny", step: 0, interrupted: true }]);
  const { events, result } = await go(folder, plan);
  assert.deepEqual([began.length, result], [2, whole.result]);
  assert.deepEqual(
    events.flatMap((event) =>
      event.type === "note" && event.message.startsWith("pseudo:") ? [event.message] : []
    ),
    ["begins", "0 target-0", "1 target-1", "2 target-2", "3 target-3", "done"].map((message) =>
      `pseudo: ${message}`
    ),
  );
  assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
});

test("stopped after a job: it is not repeated, with a checkpoint of the phase or before the first one", async (folder) => {
  const whole = await undisturbed(counted().plan);
  const { began, plan } = counted();
  const killed = go(folder, plan, (event) => {
    if (event.type === "note" && event.message === "pseudo: done") throw new Error("killed");
    return false;
  });
  await assert.rejects(killed, /killed/);
  const first = await go(folder, plan, (event) => event.type === "step" && event.step === 2);
  assert.ok(first.result.interrupted);
  const second = await go(folder, plan);
  assert.deepEqual([began.length, second.result], [1, whole.result]);
  const steps = [...valuesOfEvents([...first.events, ...second.events])];
  assert.deepEqual(steps, [...valuesOfEvents(whole.events)].filter(([key]) => !key.startsWith("warm")));
  assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
  // A run that does not resume does everything again.
  await train(plan, {
    runDir: `${folder}/run`,
    signal: new AbortController().signal,
    files: plainFiles,
    onEvent: () => {},
  });
  assert.equal(began.length, 2);
});

for (
  const { what, change, fault } of [
    {
      what: "changed",
      change: (file: string) => Deno.writeFile(file, new Uint8Array(4)),
      fault: 'has changed since the job "pseudo" left it; put back what it was, or begin the run anew',
    },
    {
      what: "missing",
      change: (file: string) => Deno.remove(file),
      fault:
        'is missing: the job "pseudo" left it, and its phase reads it; put it back, or begin the run anew',
    },
  ]
) {
  test(`a label file that is ${what} when a run goes on is named, and nothing is lost`, async (folder) => {
    const whole = await undisturbed(counted().plan);
    const { plan } = counted();
    await go(folder, plan, (event) => event.type === "step" && event.phase === "tiny" && event.step === 2);
    const file = `${folder}/run/jobs/pseudo/labels/000001.png`;
    const before = await Deno.readFile(file);
    await change(file);
    await assert.rejects(go(folder, plan), { name: "DataError", message: `${file}: ${fault}` });
    await Deno.writeFile(file, before);
    const { result } = await go(folder, plan);
    assert.deepEqual(result, whole.result);
    assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
  });
}

test("a second round: a job reads what the first one left", async (folder) => {
  const again: PlannedJob = { ...job({ run: relabelAll, reads: ["pseudo"] }), name: "again" };
  const seen: string[] = [];
  async function relabelAll({ images, writeLabels }: JobTools) {
    for await (const image of images("pseudo")) {
      seen.push(image.id);
      await writeLabels(image, new Uint8Array(image.width * image.height).fill(1));
    }
  }
  const first = {
    name: "round-1",
    from: { kind: "seed" } as const,
    before: [counted().plan.phases[1]!.before[0]!],
  };
  const second: PlannedStream = { ...pseudo, name: "again", job: "again" };
  const plan = tinyPlan({
    earlier: [{ ...first, losses, streams: [pseudo] }],
    from: { kind: "phase", name: "round-1" },
    before: [{
      ...again,
      plan: { ...again.plan, dataset: ({ datasets, relabelled }) => relabelled(datasets["pseudo"]!) },
    }],
    losses: [planned("again", learning("again"))],
    streams: [pseudo, second],
  }, { steps: 2 });
  const { result } = await go(folder, plan);
  assert.equal(result.interrupted, false);
  assert.deepEqual(seen, [0, 1, 2, 3].map((k) => `target-${k}`));
});

const faults: {
  what: string;
  run: JobPlan["run"];
  more?: Partial<JobPlan>;
  error: { name: string; message: string };
}[] = [
  {
    what: "throws",
    run: () => Promise.reject(new TypeError("no such class")),
    error: { name: "LossError", message: `${WHO} threw: no such class` },
  },
  {
    what: "reads a stream that it did not declare",
    async run({ images }) {
      for await (const _ of images("source"));
    },
    error: { name: "LossError", message: `${WHO} reads "source" without declaring it in reads` },
  },
  {
    what: "writes labels of another size",
    async run({ images, writeLabels }) {
      for await (const image of images("target")) await writeLabels(image, new Uint8Array(5));
    },
    error: { name: "LossError", message: `${WHO} wrote 5 labels for target-0, expected 12x12 of them` },
  },
  {
    what: "writes labels that are no class",
    async run({ images, writeLabels }) {
      for await (const image of images("target")) {
        await writeLabels(image, new Uint8Array(SIDE * SIDE).fill([255, 2, 77][image.index]!));
      }
    },
    error: {
      name: "LossError",
      message: `${WHO} wrote the label 77 for target-2, expected 0 to 2, or 255 for none`,
    },
  },
  {
    what: "writes labels of one image twice",
    async run({ images, writeLabels }) {
      for await (const image of images("target")) {
        const labels = new Uint8Array(SIDE * SIDE);
        await writeLabels(image, labels);
        if (image.index === 1) await writeLabels(image, labels);
      }
    },
    error: { name: "LossError", message: `${WHO} wrote labels for target-1 twice, expected once` },
  },
  {
    what: "leaves no dataset for the stream that reads it",
    run: label,
    more: { dataset: undefined as unknown as NonNullable<JobPlan["dataset"]> },
    error: { name: "UserError", message: `${WHO} leaves no dataset` },
  },
];

for (const { what, run, more, error } of faults) {
  test(`a job that ${what} is named, and is not taken for done`, async (folder) => {
    await assert.rejects(go(folder, planWith(job({ run, ...more }))), error);
    const done = await Deno.stat(`${folder}/run/jobs/pseudo/done.json`).catch(() => undefined);
    assert.equal(done !== undefined, run === label);
  });
}

test("a term that cannot work with what a job will leave is known before another phase is trained", async (folder) => {
  const seen: [string, number[]][] = [];
  const failing: LossPlan = {
    needs: { views: [{ stream: "again", labels: true }], streams: ["again"] },
    create: () => ({
      compute({ images, view }) {
        const { pixels, labels } = images("again");
        seen.push([String(pixels.shape), [...new Set(labels!.dataSync())]]);
        assert.equal(view("again").labels!.dtype, "int32");
        throw new TypeError("no such class");
      },
    }),
  };
  const { began, plan: { phases } } = counted();
  const [first] = phases[1]!.before;
  // What the second job reads is not there either.
  const second = { ...first!, name: "again", plan: { ...first!.plan, reads: ["pseudo"] } };
  const again: PlannedStream = { ...pseudo, name: "again", job: "again" };
  const plan = planWith(first!, {
    before: [first!, second],
    losses: [planned("mine", failing)],
    streams: [pseudo, again],
  });
  const events: TrainEvent[] = [];
  const going = go(folder, plan, (event) => {
    events.push(event);
    return false;
  });
  const message = 'loss "mine" (./my_loss.ts, at losses[2]) threw: no such class';
  await assert.rejects(going, { name: "LossError", message });
  assert.deepEqual(events, [{ type: "failure", phase: "tiny", message }]);
  assert.deepEqual([began.length, seen], [0, [[`2,${SIDE},${SIDE},3`, [255]]]]);
});

test("a job that reads no stream: nothing stands for what it will leave, and the run goes on", async (folder) => {
  const made = job({ reads: [], dataset: () => tinyData({ name: "made" }), run: () => Promise.resolve() });
  const { result } = await go(folder, planWith(made));
  assert.deepEqual([result.steps, result.interrupted], [4, false]);
});

test("labels of a dataset that has become another one are refused", async (folder) => {
  const { plan } = counted();
  await go(folder, plan, (event) => event.type === "step" && event.phase === "tiny");
  const target = tinyData({ name: "other" });
  const changed = planWith(plan.phases[1]!.before[0]!, { data: { target } });
  await assert.rejects(go(folder, changed), (error: unknown) => {
    assert.ok(error instanceof Error && error.name === "DataError");
    assert.match(error.message, /index\.json: image \d is other-\d, the list has target-\d/);
    return true;
  });
});

test("a job that labels no image ends the phase with its name", async (folder) => {
  await assert.rejects(go(folder, planWith(job({ run: () => Promise.resolve() }))), {
    name: "UserError",
    message: 'stream "pseudo" (recipe.yaml) has no images: the job "pseudo" left none; see what it notes',
  });
});
