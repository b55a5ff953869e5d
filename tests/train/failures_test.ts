/** Runs that are stopped, or that something happens to. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import type { StepContext } from "../../core/plugin.ts";
import { DataError, LossError, UserError } from "../../core/errors.ts";
import type { TrainEvent } from "../../core/events.ts";
import { lastPhase } from "../../core/plan.ts";
import { diskFiles } from "../../datasets/files.ts";
import { evaluate } from "../../train/mod.ts";
import { crossEntropy, lossPlan, plainFiles, planned, tinyData, type TinyParts, tinyPlan } from "./fakes.ts";
import { network } from "./parts.ts";
import { go, lines, outline, run, test } from "./runs.ts";

test("an abort ends the run after the step with a checkpoint that evaluates", async (folder) => {
  const { result, events } = await run(tinyPlan(), folder, (event, { control }) => {
    if (event.type === "step" && event.step === 4) control.abort();
  });
  assert.deepEqual(result, { steps: 4, interrupted: true, earlier: [] });
  assert.deepEqual(outline(events).slice(-3), ["step 4", "checkpoint 4 last.safetensors", "end 4"]);
  assert.equal(folder.state("run/checkpoints/last.safetensors").step, 4);
  const found = await evaluate(tinyPlan(), {
    checkpoint: `${folder.path}/run/checkpoints/last.safetensors`,
    split: "val",
    signal: new AbortController().signal,
    files: plainFiles,
  });
  assert.equal(found.images, 4);
});

test("an abort during the baseline leaves its checkpoint and does not begin the run", async (folder) => {
  const plan = tinyPlan({ baseline: { name: "plain", losses: lastPhase(tinyPlan()).losses } });
  const { result, events } = await run(plan, folder, (event, { control }) => {
    if (event.type === "step") control.abort();
  });
  assert.deepEqual(result, { steps: 0, interrupted: true, earlier: [] });
  assert.ok(folder.exists("run/baseline/checkpoints/last.safetensors"));
  assert.ok(events.every(({ phase }) => phase === "plain"));
});

test("an abort during the last validation says interrupted", async (folder) => {
  const { result } = await run(tinyPlan({}, { steps: 2 }), folder, (event, { control }) => {
    if (event.type === "checkpoint") control.abort();
  });
  assert.deepEqual(result, { steps: 2, interrupted: true, earlier: [] });
});

test("a NaN ends the run; the weights of the step before are on disk", async (folder) => {
  const compute = (context: StepContext) => {
    const { loss } = crossEntropy(context);
    return { loss: (context.step < 3 ? loss : tf.mul(loss, NaN)) as tf.Scalar };
  };
  const path = `${folder.path}/run/checkpoints/last.safetensors`;
  await assert.rejects(
    run(tinyPlan({ losses: [planned("mine", lossPlan(compute))] }), folder),
    (error: unknown) => {
      assert.ok(error instanceof LossError);
      assert.equal(
        error.message,
        `loss "mine" (./my_loss.ts, at losses[2]) is NaN at step 4\nthe weights after step 3 lie in ${path}`,
      );
      return true;
    },
  );
  assert.equal(folder.state("run/checkpoints/last.safetensors").step, 3);
  const stored = [...folder.tensors("run/checkpoints/last.safetensors").values()].flat();
  assert.ok(stored.every(Number.isFinite));
});

test("a hook that throws is named", async (folder) => {
  const hooks = { stepEnd: () => Promise.reject(new Error("disk full")) };
  const plan = tinyPlan({ losses: [planned("mine", lossPlan(crossEntropy, { hooks }))] });
  await assert.rejects(run(plan, folder), {
    name: "LossError",
    message: 'loss "mine" (./my_loss.ts, at losses[2]) threw in its stepEnd hook: disk full\n' +
      `the weights after step 1 lie in ${folder.path}/run/checkpoints/last.safetensors`,
  });
});

test("a missing split is named with those there are", async (folder) => {
  const options = {
    checkpoint: "none",
    split: "test" as const,
    signal: new AbortController().signal,
    files: plainFiles,
  };
  await assert.rejects(evaluate(tinyPlan(), options), {
    name: "UserError",
    message: "the recipe has no test split; it has train (the labelled source), val",
  });
  const { result, events } = await run(tinyPlan({ data: { splits: {} } }), folder);
  assert.deepEqual(result, { steps: 12, interrupted: false, earlier: [] });
  assert.deepEqual(events.filter(({ type }) => type === "note"), [{
    type: "note",
    phase: "tiny",
    message: "the recipe has no val split, so nothing was evaluated",
  }]);
});

test("a run folder that cannot be made is named", async (folder) => {
  await Deno.writeTextFile(`${folder.path}/run`, "a file");
  await assert.rejects(run(tinyPlan(), folder), (error: unknown) => {
    assert.ok(error instanceof Error && error.name === "UserError");
    assert.match(error.message, /\/run: the folder cannot be created \(.+\)$/);
    return true;
  });
});

test("data that cannot be opened or read fails with its own error and frees the network", async (folder) => {
  const before = tf.memory().numTensors;
  const failing = {
    ...tinyData(),
    open: () =>
      Promise.resolve({
        length: 1,
        read: () => Promise.reject(new DataError("a.png", "the file was cut short")),
      }),
  };
  await assert.rejects(run(tinyPlan({ data: { source: failing } }), folder), {
    name: "DataError",
    message: "a.png: the file was cut short",
  });
  const unlabelled = {
    ...tinyData(),
    open: async () => {
      const dataset = await tinyData().open({ root: "", seed: 0, files: plainFiles });
      return { length: 1, read: (index: number) => dataset.read(index, { labels: false }) };
    },
  };
  await assert.rejects(run(tinyPlan({ data: { splits: { val: unlabelled } } }), folder), {
    name: "DataError",
    message: "tiny-0: has no labels to evaluate against",
  });
  assert.equal(tf.memory().numTensors, before);
});

test("an image that disappears ends the run; the weights of the step before are on disk", async (folder) => {
  let reads = 0;
  const vanishing = {
    ...tinyData(),
    open: async () => {
      const dataset = await tinyData({ count: 40 }).open({ root: "", seed: 0, files: plainFiles });
      return {
        ...dataset,
        read: (index: number, options: { labels: boolean }) =>
          ++reads > 20
            ? Promise.reject(new DataError("a.png", "no such file"))
            : dataset.read(index, options),
      };
    },
  };
  await assert.rejects(
    run(tinyPlan({ data: { source: vanishing } }, { steps: 20 }), folder),
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^a\.png: no such file\nthe weights after step 10 lie in .+\/last\.safetensors$/,
      );
      return true;
    },
  );
  const { step } = folder.state("run/checkpoints/last.safetensors");
  assert.ok(step > 0);
});

test("an objective that cannot work is known before the baseline is trained", async (folder) => {
  const broken = lossPlan(() => {
    throw new TypeError("no such class");
  });
  const told: TrainEvent[] = [];
  const plan = tinyPlan({
    losses: [planned("mine", broken)],
    baseline: { name: "before", losses: [planned("ce", lossPlan(crossEntropy))] },
  });
  const message = 'loss "mine" (./my_loss.ts, at losses[2]) threw: no such class';
  await assert.rejects(run(plan, folder, (event) => told.push(event)), { name: "LossError", message });
  assert.deepEqual(told, [{ type: "failure", phase: "tiny", message }]);
  // Whoever reads the log later knows it as well.
  assert.deepEqual(lines(folder).map(({ type }) => type), ["failure"]);
});

/** Phases called warm and tiny, of which the second needs a file. */
const warm = { name: "warm", from: { kind: "seed" }, networks: [] } as const;
const absent: Record<string, (path: string) => TinyParts> = {
  "the start of a later phase": (path) => ({ earlier: [warm], from: { kind: "file", path } }),
  "a later network": (weights) => ({
    earlier: [warm],
    from: { kind: "phase", name: "warm" },
    networks: [network("guide", { start: "weights" }, { weights: { file: weights } })],
  }),
  "a member of the ensemble": (checkpoint) => ({
    evaluation: { labelSize: "original", ensemble: [{ checkpoint, weight: 1 }] },
  }),
};

/** What lies in the place of a file, and what is said of it. */
const UNREADABLE: readonly (readonly [text: string | undefined, fault: string])[] = [
  [undefined, "there is no such file"],
  [
    "no weights",
    'it is a text that begins with "no weights"; expected a checkpoint as torch.save or safetensors write it',
  ],
];

for (const [what, partsOf] of Object.entries(absent)) {
  test(`the file of ${what} is looked at before anything is trained`, async (folder) => {
    const path = `${folder.path}/weights.safetensors`;
    const told: TrainEvent[] = [];
    const training = () =>
      run(tinyPlan(partsOf(path), { steps: 2 }), folder, (event) => told.push(event), diskFiles());
    const tensors = tf.memory().numTensors;
    for (const [text, fault] of UNREADABLE) {
      if (text !== undefined) await Deno.writeTextFile(path, text);
      await assert.rejects(training(), { name: "DataError", message: `${path}: ${fault}` });
      assert.deepEqual(told.splice(0), [{ type: "failure", phase: "tiny", message: `${path}: ${fault}` }]);
    }
    assert.equal(tf.memory().numTensors, tensors);
    await run(tinyPlan({ seed: 9 }, { steps: 1 }), folder);
    await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, path);
    assert.equal((await training()).result.interrupted, false);
  });
}

test("a phase that has begun is not rehearsed again: it goes on without the file that it started from", async (folder) => {
  await run(tinyPlan({ seed: 9 }, { steps: 1 }), folder);
  const path = `${folder.path}/first.safetensors`;
  await Deno.rename(`${folder.path}/run/checkpoints/last.safetensors`, path);
  await Deno.remove(`${folder.path}/run`, { recursive: true });
  const plan = tinyPlan({ earlier: [warm], from: { kind: "file", path } }, { steps: 4 });
  const stopped = await go(folder.path, plan, (event) => event.phase === "tiny" && event.type === "step");
  assert.ok(stopped.result.interrupted);
  await Deno.remove(path);
  assert.equal((await go(folder.path, plan)).result.steps, 4);
});
