/** Rounds of self-training as a run does them: predict, label, learn from a mixture; stopped anywhere they end alike. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import { builtins } from "../../builtins.ts";
import type { PlannedJob, PlannedLoss, PlannedStream, RunPlan } from "../../core/plan.ts";
import type { JobTools, LossPlan } from "../../core/plugin.ts";
import { openPredictor } from "../../train/predictor.ts";
import {
  CLASSES,
  crossEntropy,
  lossPlan,
  optimizerPlan,
  plainFiles,
  planned,
  tinyData,
  tinyPlan,
} from "../train/fakes.ts";
import { go, pathTest as test, undisturbed } from "../train/runs.ts";

type Options = Readonly<Record<string, unknown>>;

const registry = builtins();
const place = { at: [], origin: "recipe.yaml" };

function jobOf(options: Options, run?: (tools: JobTools) => Promise<void>): PlannedJob {
  const plan = registry.plan("job", { type: "pseudo-labels", options });
  return { ...place, name: "labels", plan: run ? { ...plan, run } : plan };
}

const pseudo: PlannedStream = { ...place, name: "pseudo", job: "labels", labels: true };

/** A quarter of the source and all pseudo-labelled images in one. */
const mixed: PlannedStream = {
  ...place,
  name: "mixed",
  labels: true,
  dataset: registry.plan("dataset", {
    type: "joined",
    options: { of: [{ stream: "source", share: 0.25, mark: 0 }, { stream: "pseudo" }] },
  }),
};

function lossOf(type: string, options: Options): PlannedLoss {
  return planned(type, registry.plan("loss", { type, options }));
}

const onMixed = [
  lossOf("cross-entropy", { stream: "mixed" }),
  lossOf("confidence-regularization", { stream: "mixed" }),
];

/** A warm-up on the source, then a round. */
function roundOf(before: PlannedJob, losses: readonly PlannedLoss[] = onMixed, more = {}): RunPlan {
  const ce = planned("ce", lossPlan(crossEntropy));
  return tinyPlan({
    earlier: [{ name: "warm", losses: [ce], before: [], streams: [], from: { kind: "seed" } }],
    from: { kind: "phase", name: "warm" },
    before: [before],
    losses,
    streams: [pseudo, mixed],
    optimizer: optimizerPlan({ lr: 0.2, momentum: 0.9 }),
    ...more,
  }, { steps: 6, checkpointEvery: 0 });
}

for (const labels of ["own", "relative", "soft"] as const) {
  const plan = roundOf(
    jobOf({ thresholds: "portion", share: 0.5, labels, flip: true, scales: [0.9], prefer: { below: 0.5 } }),
  );
  test(`${labels} labels: stopped in the job and in the middle of the round, it is the same run`, async (folder) => {
    const whole = await undisturbed(plan);
    const inJob = await go(
      folder,
      plan,
      (event) => event.type === "note" && event.message === "labels: 2 of 4 images labelled",
    );
    assert.ok(inJob.result.interrupted && inJob.result.steps === 0);
    const inRound = await go(folder, plan, (event) => event.type === "step" && event.step === 3);
    assert.ok(inRound.result.interrupted);
    const { result } = await go(folder, plan);
    assert.deepEqual(result, whole.result);
    assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
    const told = JSON.parse(await Deno.readTextFile(`${folder}/run/jobs/labels/thresholds.json`));
    assert.deepEqual(told.map(({ name }: { name: string }) => name), CLASSES);
  });
}

test("a step of soft and hard labels together: distributions for all, marks of the images, 0 where ignored", async (folder) => {
  const seen: { soft: number[]; marks: number[] }[] = [];
  const looking: LossPlan = {
    needs: { views: [{ stream: "mixed", labels: true }] },
    create: () => ({
      compute({ images, view }) {
        const { soft, labels, values } = images("mixed");
        if (soft) {
          const whole = tf.sum(soft, 3), labelled = tf.notEqual(labels!, 255);
          assert.ok(tf.max(tf.abs(tf.sub(whole, tf.cast(labelled, "float32")))).dataSync()[0]! < 1e-6);
          seen.push({
            soft: [...tf.max(soft, [1, 2, 3]).dataSync()],
            marks: [...values!["mark"]!.dataSync()],
          });
        }
        return { loss: tf.mean(view("mixed").logits) };
      },
    }),
  };
  // Hardly trained, so that predictions are unsure.
  const optimizer = optimizerPlan({ lr: 0.002 });
  const job = jobOf({ confidence: 0.2, labels: "soft", alpha: 1 });
  await go(folder, roundOf(job, [planned("looking", looking)], { optimizer }));
  const images = seen.flatMap(({ soft, marks }) => marks.map((mark, k) => ({ mark, soft: soft[k]! })));
  // The source's labels are certain, the others hardly.
  assert.ok(images.some(({ mark, soft }) => mark === 0 && soft === 1));
  assert.ok(images.some(({ mark, soft }) => mark === 1 && soft < 1));
});

test("what a job predicts otherwise, it predicts as an evaluation of that kind does", async (folder) => {
  const found: { labels: Uint8Array; confidence: Float32Array }[] = [];
  const job = jobOf({}, async ({ images, writeLabels }) => {
    for await (const image of images("target")) {
      const how = { flip: true, scales: [0.5, 1] };
      const one = await image.predict(how);
      found.push(one);
      for await (const { first, count, probabilities } of image.rows(how)) {
        assert.equal(probabilities.length, count * image.width * CLASSES.length);
        for (let k = 0; k < count * image.width; k++) {
          const own = probabilities.subarray(k * CLASSES.length, (k + 1) * CLASSES.length);
          const pixel = first * image.width + k;
          assert.equal(own[one.labels[pixel]!], one.confidence[pixel]);
          assert.equal(Math.max(...own), one.confidence[pixel]);
        }
      }
      await writeLabels(image, one.labels);
    }
  });
  const plan = roundOf(job);
  await go(folder, plan);
  const evaluation = { ...plan.evaluation, flip: true, scales: [0.5, 1] };
  const checkpoint = `${folder}/run/phases/warm/checkpoints/last.safetensors`;
  const predictor = await openPredictor({ ...plan, evaluation }, { checkpoint, files: plainFiles });
  const target = await plan.data.target.open({ root: "", seed: plan.seed, files: plainFiles });
  for (const [index, { labels }] of found.entries()) {
    const { labels: expected } = await predictor.predict(await target.read(index, { labels: false }));
    assert.deepEqual(labels, expected);
  }
  predictor.dispose();
});

test("a round without a confident pixel ends with one line, and what was trained before is kept", async (folder) => {
  await assert.rejects(go(folder, roundOf(jobOf({ confidence: 1 }))), {
    name: "LossError",
    message: 'job "labels" (recipe.yaml) threw: no pixel of any image is confident enough for a ' +
      "label; lower its thresholds, or train longer before it",
  });
  assert.ok((await Deno.stat(`${folder}/run/phases/warm/checkpoints/last.safetensors`)).isFile);
});

test("classes that are never predicted are named, and the round goes on", async (folder) => {
  const { events, result } = await go(folder, roundOf(jobOf({ thresholds: "quantile", labels: "own" })));
  const notes = events.flatMap((event) => event.type === "note" ? [event.message] : []);
  assert.ok(
    notes.some((note) => /^labels: \d+\.\d % of the pixels have labels; none is never$/.test(note)),
    notes.join("\n"),
  );
  assert.equal(result.interrupted, false);
});

test("nothing to join is said with the stream's name", async (folder) => {
  const empty = jobOf({}, () => Promise.resolve());
  await assert.rejects(go(folder, roundOf(empty)), {
    name: "UserError",
    message: 'stream "pseudo" (recipe.yaml) has no images: the job "labels" left none; see what it notes',
  });
  const source = tinyData({ count: 0 });
  await assert.rejects(
    go(`${folder}/2`, roundOf(jobOf({}), onMixed, { data: { source } })),
    /no images|is empty/,
  );
});

test("the target of a phase may be what a job leaves of the recipe's own: its images with labels", async (folder) => {
  const own = roundOf(jobOf({ thresholds: "portion" }), [lossOf("cross-entropy", { stream: "target" })]);
  const phases = own.phases.map((phase, k) => ({
    ...phase,
    streams: phase.streams.filter(({ name }) => k === 0 || !["target", "pseudo", "mixed"].includes(name))
      .concat(
        k === 0 ? [] : [{ ...place, name: "target", job: "labels", labels: true }],
      ),
  }));
  const { result, events } = await go(folder, { ...own, phases });
  assert.equal(result.interrupted, false);
  assert.ok(
    events.some((event) =>
      event.type === "step" && event.phase === "tiny" && event.terms["cross-entropy"]! > 0
    ),
  );
});
