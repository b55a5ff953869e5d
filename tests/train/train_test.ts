import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { lastPhase } from "../../core/plan.ts";
import type { Similarity } from "../../core/plugin.ts";
import { readWeights } from "../../weights/read.ts";
import { encodeTorch } from "../../weights/write_torch.ts";
import { evaluate } from "../../train/mod.ts";
import { CLASSES, crossEntropy, lossPlan, plainFiles, planned, tinyData, tinyPlan } from "./fakes.ts";
import { lines, outline, run, test } from "./runs.ts";

test("a run learns, validates, keeps best and last, and tells it", async (folder) => {
  const plan = tinyPlan({}, { steps: 12, validateEvery: 5, checkpointEvery: 4 });
  const { result, events } = await run(plan, folder);
  assert.equal(result.steps, 12);
  assert.equal(result.interrupted, false);
  const final = result.final!;
  assert.equal(final.split, "val");
  assert.equal(final.images, 4);
  assert.equal(final.labelSize, "original 12x12");
  assert.deepEqual(final.classes, CLASSES);
  assert.equal(final.iou[2], null);
  assert.equal(final.confusion.flat().reduce((a, b) => a + b), 4 * 144);
  assert.ok(final.miou! > 0.8, `mIoU ${final.miou}`);
  assert.ok(result.best!.miou >= final.miou!);

  const told = outline(events.filter(({ type }) => type !== "step" && type !== "validation"));
  assert.deepEqual(told.filter((line) => !line.includes("best")), [
    "start",
    "checkpoint 4 last.safetensors",
    "checkpoint 8 last.safetensors",
    "checkpoint 12 last.safetensors",
    "end 12",
  ]);
  const validations = events.filter((event) => event.type === "validation");
  assert.deepEqual(validations.map(({ step }) => step), [5, 10, 12]);
  const steps = events.filter((event) => event.type === "step");
  assert.deepEqual(steps.map(({ step }) => step), Array.from({ length: 12 }, (_, k) => k + 1));
  assert.ok(steps.at(-1)!.terms["ce"]! < steps[0]!.terms["ce"]!);
  assert.equal(steps[0]!.learningRate, 0.2);
  assert.ok(Math.abs(steps[6]!.learningRate - 0.2 * 0.5 ** 0.9) < 1e-9);
  assert.ok(steps[11]!.rate > 0);

  const written = lines(folder);
  assert.deepEqual(written.filter((e) => e.type === "step").map((e) => "step" in e && e.step), [5, 10, 12]);
  assert.deepEqual(folder.state("run/checkpoints/last.safetensors"), {
    recipe: "tiny",
    phase: "tiny",
    step: 12,
    steps: 12,
    seed: 7,
    best: result.best,
    validated: 10,
  });
  assert.ok(folder.exists("run/checkpoints/best.safetensors"));
});

test("a val split without a labelled pixel has no mean, and no validation is the best", async (folder) => {
  const data = { splits: { val: tinyData({ label: 255 }) } };
  const { result, events } = await run(tinyPlan({ data }, { steps: 4, validateEvery: 2 }), folder);
  const { miou, pixelAccuracy, iou } = result.final!;
  assert.deepEqual([miou, pixelAccuracy, iou], [null, null, [null, null, null]]);
  assert.equal(result.best, undefined);
  assert.ok(!folder.exists("run/checkpoints/best.safetensors"));
  assert.equal(folder.state("run/checkpoints/last.safetensors").best, null);
  const validations = [...events, ...lines(folder)].filter((event) => event.type === "validation");
  assert.deepEqual(
    validations.map(({ step, miou, pixelAccuracy, best }) => [step, miou, pixelAccuracy, best]),
    [2, 4, 2, 4].map((step) => [step, null, null, false]),
  );
  assert.equal(JSON.parse(Deno.readTextFileSync(`${folder.path}/run/evaluation.json`)).miou, null);
});

test("the last checkpoint evaluates to the run's own result", async (folder) => {
  const plan = tinyPlan();
  const { result } = await run(plan, folder);
  const checkpoint = `${folder.path}/run/checkpoints/last.safetensors`;
  const signal = new AbortController().signal;
  assert.deepEqual(
    await evaluate(plan, { checkpoint, split: "val", signal, files: plainFiles }),
    result.final,
  );
  const limited = { ...plan, evaluation: { ...plan.evaluation, limit: 2 } };
  const source = await evaluate(limited, { checkpoint, split: "train", signal, files: plainFiles });
  assert.deepEqual([source.split, source.images], ["train", 2]);
});

test("evaluate reads a checkpoint once, and tells the phase that wrote it", async (folder) => {
  const { losses } = lastPhase(tinyPlan());
  await run(tinyPlan({ baseline: { name: "plain", losses } }, { steps: 1 }), folder);
  const told = async (checkpoint: string) => {
    const phases: (string | undefined)[] = [];
    let reads = 0;
    await evaluate(tinyPlan(), {
      checkpoint,
      split: "val",
      signal: new AbortController().signal,
      files: {
        ...plainFiles,
        read(path) {
          if (path === checkpoint) reads++;
          return plainFiles.read(path);
        },
      },
      onPhase: (phase) => phases.push(phase),
      onImage: () => assert.equal(phases.length, 1),
    });
    return [reads, ...phases];
  };
  const last = "checkpoints/last.safetensors";
  assert.deepEqual(await told(`${folder.path}/run/${last}`), [1, "tiny"]);
  assert.deepEqual(await told(`${folder.path}/run/baseline/${last}`), [1, "plain"]);
  const other = `${folder.path}/other.pth`;
  const { tensors } = readWeights(await Deno.readFile(`${folder.path}/run/${last}`), last);
  const network = [...tensors].filter(([name]) => !name.includes("/"));
  await Deno.writeFile(other, encodeTorch(new Map(network.map(([name, tensor]) => [name, tensor.read()]))));
  assert.deepEqual(await told(other), [1, undefined]);
});

test("the same seed gives the same run, another seed another", async (folder) => {
  const losses = async (seed: number) => {
    const { events } = await run({ ...tinyPlan({}, { steps: 3 }), seed }, folder);
    return events.flatMap((event) => event.type === "step" ? [event.total] : []);
  };
  const first = await losses(1);
  assert.deepEqual(await losses(1), first);
  assert.notDeepEqual(await losses(2), first);
});

test("aggregation is used at the end, not by the validations", async (folder) => {
  const told: string[] = [];
  const spy = (name: string): Similarity => ({
    accepts: "real",
    symmetric: true,
    // All pixels alike: aggregation makes every pixel the image's mean.
    pairwise(a, b) {
      told.push(name);
      return tf.zeros([a.shape[0], a.shape[1], b.shape[1]]);
    },
  });
  const aggregation = { alpha: 1, features: spy("features"), predictions: spy("predictions") };
  const plan = tinyPlan({ evaluation: { labelSize: "original", aggregation } }, { validateEvery: 5 });
  const { result } = await run(plan, folder, (event) => {
    if (event.type === "validation") told.push(`validation ${event.step}`);
  });
  const images = Array(4).fill(["features", "predictions"]).flat();
  assert.deepEqual(told, ["validation 5", "validation 10", "validation 12", ...images]);
  assert.ok(result.best!.miou > 0.8);
  assert.ok(result.final!.miou! < 0.6, `every image has one class, yet mIoU ${result.final!.miou}`);
});

test("the baseline comes first, into its own folder, from the same weights and data", async (folder) => {
  const first: Record<string, readonly number[]> = {};
  const reading = (name: string) =>
    planned("ce", {
      needs: { taps: [{ name: "logits", at: [] }], target: false },
      create: () => ({
        compute(context) {
          first[name] ??= [...context.source.logits.dataSync()];
          return crossEntropy(context);
        },
      }),
    });
  const plan = tinyPlan({
    losses: [reading("main"), planned("zero", { needs: { taps: [] }, create: zero })],
    baseline: { name: "source-only", losses: [reading("baseline")] },
  }, { steps: 3 });
  const { result, events } = await run(plan, folder);
  assert.ok(first["main"]!.some((value) => value !== 0));
  assert.deepEqual(first["main"], first["baseline"]);
  const [baseline] = result.earlier;
  assert.equal(baseline!.name, "source-only");
  assert.ok(baseline!.final!.images === 4 && baseline!.best);
  const phases = [...new Set(events.map(({ phase }) => phase))];
  assert.deepEqual(phases, ["source-only", "tiny"]);
  // The other term is zero, so both runs end with the same weights.
  const weights = (name: string) =>
    folder.tensors(`run/${name}checkpoints/last.safetensors`).get("first.weight");
  assert.deepEqual(weights(""), weights("baseline/"));
});

function zero() {
  return { compute: () => ({ loss: tf.scalar(0) }) };
}

test("the target's labels are never read, and without a term that needs it neither is the target", async (folder) => {
  const wanted: boolean[] = [];
  const data = { target: tinyData({ name: "target", onRead: (_, labels) => wanted.push(labels) }) };
  const plan = tinyPlan({ data }, { steps: 2 });
  await run(plan, folder);
  assert.deepEqual(wanted, []);
  const losses = [...lastPhase(plan).losses, planned("zero", { needs: { taps: [] }, create: zero })];
  await run(tinyPlan({ data, losses }, { steps: 2 }), folder);
  assert.ok(wanted.length > 0);
  assert.ok(wanted.every((labels) => !labels));
});
test("hooks hear every step", async (folder) => {
  const heard: number[] = [];
  const hooks = {
    stepEnd: ({ step, steps }: { step: number; steps: number }) => {
      heard.push(step, steps);
    },
  };
  await run(tinyPlan({ losses: [planned("mine", lossPlan(crossEntropy, { hooks }))] }, { steps: 2 }), folder);
  assert.deepEqual(heard, [0, 2, 1, 2]);
});

test("accumulation takes so many batches per step", async (folder) => {
  let passes = 0;
  const compute = (context: Parameters<typeof crossEntropy>[0]) => {
    passes += 1;
    return crossEntropy(context);
  };
  await run(
    tinyPlan({ losses: [planned("mine", lossPlan(compute))] }, { steps: 3, accumulation: 2 }),
    folder,
  );
  assert.equal(passes, 6);
});

test("the tensor count does not grow over a whole run with validations", async (folder) => {
  const plan = tinyPlan({}, { validateEvery: 2, checkpointEvery: 3 });
  const before = tf.memory().numTensors;
  const counts: number[] = [];
  await run(plan, folder, (event) => {
    if (event.type === "step") counts.push(tf.memory().numTensors);
  });
  assert.equal(counts.length, 12);
  assert.deepEqual(counts, Array(12).fill(counts[0]));
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
});
