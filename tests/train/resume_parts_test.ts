/** Runs with teachers, owners, made streams, several updates and phases: stopped in their middle, they end as if they had not been. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { MEASURES, type PlannedLoss, type RunPlan } from "../../core/plan.ts";
import {
  crossEntropy,
  learning,
  lossPlan,
  optimizerPlan,
  planned,
  type TinyParts,
  tinyPlan,
} from "./fakes.ts";
import { averaging, following, madeStream, network, scalarOf } from "./parts.ts";
import { go, pathTest as test, stopped, undisturbed, valuesOfEvents } from "./runs.ts";

const momentum = optimizerPlan({ lr: 0.02, momentum: 0.9 });

/** Cross-entropy times a level, which an owner moves. */
function levelled(name: string, when: "before" | "joint" | "after", every: number): PlannedLoss {
  return planned(name, {
    needs: { taps: [], target: false },
    owners: [{ name: "judge", optimizer: momentum, when, every }],
    create(setup) {
      const value = scalarOf(setup, "level", 0.5);
      return {
        compute(context) {
          const loss = tf.mul(crossEntropy(context).loss, tf.square(value)) as tf.Scalar;
          return { loss, handoff: { loss } };
        },
        owners: {
          judge: {
            params: [{ name: "level", value, group: "judge" }],
            ...(when === "joint" ? {} : {
              compute: ({ loss }) => ({ loss: tf.square(tf.sub(value, tf.mul(2, loss!))) as tf.Scalar }),
            }),
          },
        },
      };
    },
  });
}

/** The source times a number that is learned and one that counts the steps, plus noise. */
const mixed = madeStream(
  "mixed",
  { streams: ["source"], views: [{ stream: "target", by: "teacher" }] },
  (context) => context.images("source"),
  {
    owners: [{ name: "gain", optimizer: momentum, when: "joint" }],
    create(setup) {
      const factor = scalarOf(setup, "factor", 1);
      const count = setup.variable("count", tf.scalar(0), false);
      return {
        make(context) {
          const { pixels, labels } = context.images("source");
          const noise = tf.add(tf.mul(count, 0.01), context.random.next());
          const teacher = tf.mean(context.view("target", "teacher").logits);
          return { pixels: tf.add(tf.mul(pixels, factor), tf.mul(noise, teacher)), labels: labels! };
        },
        owners: { gain: { params: [{ name: "factor", value: factor, group: "gain" }] } },
        buffers: { count },
        hooks: {
          stepEnd() {
            tf.tidy(() => count.assign(tf.add(count, 1)));
          },
        },
      };
    },
  },
);

const parts: TinyParts = {
  losses: [
    {
      ...planned("ce", lossPlan(crossEntropy)),
      weight: { from: 1, to: 0.2, start: 2, steps: 5, shape: "sigmoid" },
    },
    levelled("ahead", "before", 2),
    levelled("along", "joint", 1),
    levelled("behind", "after", 3),
    planned("mixed", learning("mixed")),
    planned("early", following("early"), 0.01),
    planned("own", following("own"), 0.01),
    { ...planned("late", learning("source")), update: 2 },
  ],
  streams: [mixed],
  networks: [
    network("teacher", averaging),
    network("early", { ...averaging, when: "before", start: "weights" }),
    network("own", { start: "weights", training: true, ownStatistics: true }),
  ],
  groups: [{ group: "head", rate: 2, decay: 0 }],
  optimizer: optimizerPlan({ lr: 0.02, momentum: 0.9, weight_decay: 0.001 }),
};

const training = { steps: 8, validateEvery: 4, checkpointEvery: 3, accumulation: 2 };

async function isUndisturbed(folder: string, plan: RunPlan, stops: readonly string[]): Promise<void> {
  const whole = await undisturbed(plan);
  const { events, result } = await stopped(folder, plan, stops);
  assert.deepEqual(result, whole.result);
  assert.deepEqual(valuesOfEvents(events), valuesOfEvents(whole.events));
  assert.deepEqual(await Deno.readFile(`${folder}/run/checkpoints/last.safetensors`), whole.weights);
}

test("owners, teachers, streams and two updates a step: the same bits, wherever it was stopped", (folder) =>
  isUndisturbed(folder, tinyPlan(parts, training), [1, 2, 3, 5, 7].map((step) => `tiny ${step}`)));

test("diagnostics of every step change no number of it", async () => {
  const diagnostics = { every: 1, measure: [...MEASURES], targetLabels: true };
  const plain = await undisturbed(tinyPlan(parts, training));
  const measured = await undisturbed(tinyPlan(parts, { ...training, diagnostics }));
  assert.deepEqual(valuesOfEvents(measured.events), valuesOfEvents(plain.events));
  assert.deepEqual(measured.weights, plain.weights);
  const found = measured.events.filter((event) => event.type === "diagnostics");
  assert.equal(found.length, training.steps);
  for (const { name } of parts.losses!) {
    assert.ok(found.every(({ values }) => `gradient/${name}` in values), name);
  }
});

test("phases from phases: each goes on from the end of the one that it names", async (folder) => {
  const plain = { losses: [planned("ce", lossPlan(crossEntropy))], networks: [], streams: [] };
  const plan = tinyPlan({
    ...parts,
    earlier: [
      { name: "first", ...plain, from: { kind: "seed" } },
      {
        name: "second",
        losses: [planned("mixed", learning("mixed"))],
        from: { kind: "phase", name: "first" },
      },
    ],
    from: { kind: "phase", name: "second" },
  }, { ...training, steps: 4 });
  await isUndisturbed(folder, plan, ["first 2", "second 1", "second 3", "tiny 2"]);
  const { result, events } = await go(folder, plan);
  assert.deepEqual([events, result.earlier.map(({ name }) => name)], [[], ["first", "second"]]);
});

test("a phase begins with the weights it names: another phase's last, a file's, or the seed's", async (folder) => {
  const still = { create: () => ({ apply: () => {}, rate: 0, slots: {} }) };
  const firstLosses = new Map<string, number>();
  const notes: string[] = [];
  const trained = async (plan: RunPlan) => {
    await Deno.remove(`${folder}/run`, { recursive: true }).catch(() => {});
    await go(folder, plan, (event) => {
      if (event.type === "note") notes.push(`${event.phase}: ${event.message}`);
      if (event.type === "step" && !firstLosses.has(event.phase)) firstLosses.set(event.phase, event.total);
      return false;
    });
  };
  const one = { steps: 1 };
  const earlier = [{ name: "first", optimizer: optimizerPlan({ lr: 0.5 }), from: { kind: "seed" } as const }];
  await trained(
    tinyPlan({ earlier, name: "phase", optimizer: still, from: { kind: "phase", name: "first" } }, one),
  );
  const last = `${folder}/run/phases/first/checkpoints/last.safetensors`;
  const path = `${folder}/kept.safetensors`;
  await Deno.copyFile(last, path);
  await trained(tinyPlan({ name: "file", seed: 7, optimizer: still, from: { kind: "file", path } }, one));
  await trained(tinyPlan({ name: "seed", optimizer: still }, one));
  assert.equal(firstLosses.get("phase"), firstLosses.get("file"));
  assert.equal(firstLosses.get("seed"), firstLosses.get("first"));
  assert.notEqual(firstLosses.get("phase"), firstLosses.get("seed"));
  assert.deepEqual(notes, [`phase: weights of ${last}`, `file: weights of ${path}`]);
});
