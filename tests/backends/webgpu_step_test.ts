/** A whole training step on WebGPU: what comes back from the device, and what it needs there. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { aggregate } from "../../ops/association/aggregation.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { inspectBackends } from "../../backends/select.ts";
import { webgpuKernels } from "../../backends/webgpu/kernels.ts";
import { builtins } from "../../builtins.ts";
import type { PlannedLoss } from "../../core/plan.ts";
import type { Similarity } from "../../core/plugin.ts";
import { passOf, runPass, tensorsOf } from "../../train/pass.ts";
import type { Run } from "../../train/assemble.ts";
import { trainStep } from "../../train/step.ts";
import { formulaImages } from "../formula.ts";
import { backendTest, relative } from "../goldens.ts";
import { assembled, tinyPlan } from "../train/fakes.ts";
import { denseAggregate, denseAssociation } from "../ops/association/dense.ts";
import { deeplab, trainingStep } from "../../bench/training_step.ts";
import { dispatchesOf, peakBytesOf, readBacksOf } from "./device_watch.ts";

const registry = builtins();
const SIDE = 33;

/** Of a step of the slim network, as `deno task bench gpu` counts them; each takes the host time. */
const MOST_DISPATCHES = 1360;

function term(type: string, weight: number): PlannedLoss {
  const plan = registry.plan("loss", type);
  return { name: type, weight, plan, at: ["losses"], origin: type };
}

/** The full objective; `association` by default has two levels, each aggregated. */
const OBJECTIVE = [
  term("cross-entropy", 1),
  term("lovasz-softmax", 0.75),
  term("association", 0.1),
  term("label-smoothing", 0.01),
];

function assembledRun() {
  return assembled(tinyPlan({
    losses: OBJECTIVE,
    labelSpace: { name: "19", classes: Array.from({ length: 19 }, (_, k) => `class ${k}`), ignore: 255 },
    model: {
      type: "deeplab-v2",
      plan: registry.plan("model", { type: "deeplab-v2", options: { layers: [1, 1, 1, 1], width: 0.0625 } }),
    },
  }));
}

function batches() {
  const size = [SIDE, SIDE] as const, ids = ["a", "b"], shape = [2, SIDE, SIDE] as const;
  const labels = Uint8Array.from(
    { length: 2 * SIDE * SIDE },
    (_, k) => (k * 7) % 23 < 19 ? (k * 7) % 23 : 255,
  );
  const source = { ids, size, labels, images: formulaImages("source", shape) };
  return { source, target: { ids, size, images: formulaImages("target", shape) } };
}

/** Peak bytes of association with aggregation, forward and backward, both sides with `count` pixels. */
function peakBytes(count: number, similarity: Similarity, dense: boolean): Promise<number> {
  const options = { similarity, contrast: true, objective: "contrastive" as const, ignoreLabel: 255 };
  const mix = dense ? denseAggregate : aggregate, associate = dense ? denseAssociation : associationLoss;
  return peakBytesOf(() => {
    tf.tidy(() => {
      const x = tf.softmax(tf.randomNormal([1, count, 16], 0, 1, "float32", 1)) as tf.Tensor3D;
      const y = tf.softmax(tf.randomNormal([1, count, 16], 0, 1, "float32", 2)) as tf.Tensor3D;
      const labels = tf.zeros([1, count], "int32") as tf.Tensor2D;
      tf.grads((s, t) => {
        const mixed = mix(t as tf.Tensor3D, { similarity, alpha: 0.5, contrast: true });
        return associate([s as tf.Tensor3D, mixed], labels, options).loss;
      })([x, y]);
    });
  });
}

const webgpu = (await inspectBackends()).find(({ name }) => name === "webgpu")!;
if (webgpu.available) {
  backendTest(
    "webgpu",
    "a pass of the full objective, forward and backward, reads nothing back",
    async () => {
      const run = assembledRun();
      try {
        let kept: tf.Tensor[] = [];
        const reads = await readBacksOf(() => {
          kept = tensorsOf(runPass(run, batches(), passOf(run, run.terms, { step: 0, steps: 1, pass: 0 })));
        });
        assert.deepEqual(reads, []);
        const values = await Promise.all(kept.map((x) => x.data()));
        assert.ok(values.flatMap((numbers) => [...numbers]).every(Number.isFinite));
        assert.ok(values.some((numbers) => numbers.some((value) => value !== 0)));
        tf.dispose(kept);
      } finally {
        run.dispose();
      }
    },
  );

  backendTest("webgpu", "a training step reads its values once, all together", async () => {
    const run = assembledRun();
    try {
      const reads = await readBacksOf(async () => {
        const { terms } = await trainStep(run, { step: 0, steps: 1, multiplier: 1, passes: [batches()] });
        assert.ok(terms["association/layer4 associated"]! > 0);
        assert.ok(terms["association/probabilities associated"]! > 0);
      });
      // Four terms, what association logs of two levels, the sum of the gradients.
      const bytes = 4 * (4 + 4 + 1);
      assert.deepEqual(reads, [{ how: "read", bytes }, { how: "mapped", bytes }]);
    } finally {
      run.dispose();
    }
  });

  backendTest("webgpu", `the slim step takes at most ${MOST_DISPATCHES} dispatches`, async () => {
    const { run, passes } = await trainingStep({
      backend: "webgpu",
      model: deeplab("{ layers: [1, 1, 1, 1], width: 0.5 }"),
      crop: 144,
      batch: 2,
    });
    try {
      let step = 0;
      const round = () => trainStep(run, { step: step++, steps: 100, multiplier: 1, passes });
      // In the first step small variables are still on the host, which computes with them.
      await dispatchesOf(round);
      const dispatches = await dispatchesOf(round);
      assert.ok(dispatches <= MOST_DISPATCHES, `${dispatches} dispatches`);
    } finally {
      run.dispose();
    }
  });

  /** A pass of the full objective, with maps kept in 16 bits or in 32. */
  const onePass = (run: Run, half: boolean) => {
    replaceKernels("webgpu", webgpuKernels(undefined, half));
    return runPass(run, batches(), passOf(run, run.terms, { step: 0, steps: 1, pass: 0 }));
  };

  backendTest("webgpu", "maps kept in 16 bits: values stay, gradients are off by rounding", async () => {
    const computed = await Promise.all([true, false].map(async (half) => {
      const run = assembledRun();
      try {
        const pass = onePass(run, half);
        const read = async (tensors: readonly (tf.Tensor | null)[]) => {
          const values = await Promise.all(tensors.map((x) => x?.data() ?? []));
          return values.flatMap((numbers) => [...numbers]);
        };
        const values = await read(pass.scalars.map(({ value }) => value));
        const result = { values, grads: await read(pass.grads) };
        tf.dispose(tensorsOf(pass));
        return result;
      } finally {
        run.dispose();
      }
    }));
    assert.deepEqual(computed[0]!.values, computed[1]!.values);
    const error = relative(computed[0]!.grads, computed[1]!.grads);
    assert.ok(error > 1e-6 && error < 5e-3, `off by ${error}`);
  });

  for (const name of ["cosine", "negative-kl", "negative-euclidean"]) {
    backendTest(
      "webgpu",
      `${name}: twice the pixels need twice the memory on the device, not four times`,
      async () => {
        const similarity = registry.plan("similarity", name);
        const ours = webgpuKernels();
        replaceKernels("webgpu", { ...ours, deviceRows: { ...ours.deviceRows!, blockRows: () => 32 } });
        const growth = async (dense: boolean) =>
          await peakBytes(800, similarity, dense) / await peakBytes(400, similarity, dense);
        const streamed = await growth(false), whole = await growth(true);
        assert.ok(streamed < 2.2, `streamed: ${streamed} times`);
        // The measure would see it.
        assert.ok(whole > 3.5, `whole matrices: ${whole} times`);
      },
    );
  }
} else {
  Deno.test.ignore(`webgpu: a step without read-back (${webgpu.detail})`, () => {});
}
