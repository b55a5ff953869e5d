/**
 * What every built-in plugin of these kinds keeps to: nothing leaks, and the same seed gives the same result. A new plugin needs
 * a line in the table of its kind. Losses and similarities have suites of their own.
 */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { builtins } from "../../builtins.ts";
import type { Kind, LossPlan, Param } from "../../core/plugin.ts";
import { assembleModel } from "../../train/assemble.ts";
import { CLASSES, crossEntropy, learning, lossPlan, planned, SIDE, tinyPlan } from "../train/fakes.ts";
import {
  averaging,
  following,
  network,
  stepOf,
  stepTest as test,
  valuesOf,
  withRun,
} from "../train/parts.ts";
import { go, pathTest } from "../train/runs.ts";
import { normals } from "./differences.ts";

const registry = builtins();

/** What each plugin needs beside its defaults to be small, and to find what it reads in the tiny plan of these tests. */
const OPTIONS: Partial<Readonly<Record<Kind, Readonly<Record<string, object>>>>> = {
  model: {
    "deeplab-v2": { layers: [1, 1, 1, 1], width: 0.0625 },
    pspnet: { layers: [1, 1, 1, 1], width: 0.0625 },
    mit: { dims: [4, 8, 10, 16], blocks: [1, 1, 1, 1], head_width: 8 },
    dinov2: { size: { width: 8, blocks: 2, heads: 2 }, table: 3 },
    vgg19: { channels: [2, 2, 2, 2, 2] },
  },
  optimizer: { sgd: { momentum: 0.9 }, adam: {}, adamw: {} },
  schedule: { poly: {}, constant: {}, "warm-up": { share: 0.3 } },
  stream: {
    "class-mix": {},
    "teacher-labels": {},
    disturbed: { blur: {} },
    masked: { stream: "source", cell: 4 },
    mirrored: { stream: "source" },
    translation: { style_tap: "features", structure_tap: "features", width: 2 },
    offered: { stream: "source" },
  },
  network: { ema: { decay: 0.5, buffers: "averaged" }, frozen: { start: "student" }, trained: {} },
  job: { "pseudo-labels": { thresholds: "quantile", flip: true } },
};

/** The plugins of a kind with their options. */
function all<K extends Kind>(kind: K) {
  return Object.entries(OPTIONS[kind]!).map(([name, options]) => ({
    name,
    plan: registry.plan(kind, { type: name, options }),
  }));
}

for (const [kind, table] of Object.entries(OPTIONS)) {
  Deno.test(`the table has every ${kind}`, () => {
    assert.deepEqual(Object.keys(table).sort(), registry.all(kind as Kind).map(({ name }) => name).sort());
  });
}

/** Twice the same, and as many tensors afterwards as before. */
async function twice<T>(make: () => T | Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const first = await make();
  assert.equal(tf.memory().numTensors, before, "tensors left");
  // The difference of so many values would take long to print.
  assert.ok(isDeepStrictEqual(await make(), first), "two runs differ");
  return first;
}

for (const { name, plan } of all("model")) {
  test(`model ${name}: taps as it says, and passes that change and leave nothing`, async () => {
    const pass = (seed: number) => () => {
      const { segmenter, state, dispose } = assembleModel({
        ...tinyPlan({ model: { type: name, plan } }),
        seed,
      });
      assert.equal(tf.memory().numTensors - tensors, state.length, "it owns what the checkpoint stores");
      const images = tf.tensor4d(normals(2 * 48 * 40 * 3, 1, "images"), [2, 48, 40, 3]);
      const before = state.map(({ variable }) => [...variable.dataSync()]);
      const values = tf.tidy(() =>
        [false, true].flatMap((training) => {
          const [view] = segmenter.forward([images], { training });
          return Object.entries(plan.taps(CLASSES.length)).map(([tap, { channels, stride, space }]) => {
            const [n, height, width, depth] = view!.taps[tap]!.shape;
            assert.deepEqual([n, depth], [2, channels], tap);
            // Sides are rounded, and a network may first resize the images to whole patches.
            for (const [side, of] of [[height, 48], [width, 40]] as const) {
              assert.ok(Math.abs(side * stride - of) < Math.max(of / 3, stride), `${tap}: ${side} of ${of}`);
            }
            const found = view!.taps[tap]!;
            if (space === "simplex") {
              tf.sum(found, 3).dataSync().forEach((sum) => assert.ok(Math.abs(sum - 1) < 1e-5));
            }
            return [...found.dataSync()];
          });
        })
      );
      assert.deepEqual(state.map(({ variable }) => [...variable.dataSync()]), before);
      images.dispose();
      dispose();
      return values;
    };
    const tensors = tf.memory().numTensors;
    const first = await twice(pass(1));
    assert.ok(first.flat().every(Number.isFinite));
    assert.ok(!isDeepStrictEqual(pass(2)(), first), "the seed counts");
  });
}

for (const { name, plan } of all("optimizer")) {
  test(`optimizer ${name}: three updates, its slots alone beside the parameter`, async () => {
    await twice(() => {
      const before = tf.memory().numTensors;
      const initial = tf.tensor1d([1, 2, 3]);
      const value = tf.variable(initial);
      const param: Param = { name: "w", value, group: "head" };
      const own: tf.Variable[] = [value];
      const optimizer = plan.create([param], {
        variable(_, initial, trainable = true) {
          own.push(tf.variable(initial, trainable));
          return own.at(-1)!;
        },
      });
      const grads = [tf.tensor1d([0.5, -1, 2])];
      const seen = [1, 0.5, 0].map((multiplier) => {
        optimizer.apply(grads, multiplier);
        return [...value.dataSync()];
      });
      assert.equal(Object.keys(optimizer.slots).length, own.length - 1);
      tf.dispose([initial, grads, own]);
      assert.equal(tf.memory().numTensors, before);
      assert.ok(seen.flat().every(Number.isFinite) && seen[0]![0] !== 1);
      assert.deepEqual(seen[2], seen[1], "a rate of 0 changes nothing");
      return seen;
    });
  });
}

for (const { name, plan } of all("schedule")) {
  test(`schedule ${name}: factors within [0, 1] for every length of a run`, async () => {
    const factors = await twice(() =>
      [1, 2, 10].flatMap((steps) => Array.from({ length: steps }, (_, step) => plan.multiplier(step, steps)))
    );
    assert.ok(factors.every((factor) => factor >= 0 && factor <= 1), `${factors}`);
  });
}

/** Reads a stream's images, and keeps a copy of what it read. */
function watching(stream: string, seen: (number[] | undefined)[][]): LossPlan {
  return {
    needs: { streams: [stream] },
    create: () => ({
      compute({ images }) {
        const { pixels, labels, soft, weights } = images(stream);
        seen.push([pixels, labels, soft, weights].map((one) => one && [...one.dataSync()]));
        return { loss: tf.mean(pixels) as tf.Scalar };
      },
    }),
  };
}

for (const { name, plan } of all("stream")) {
  test(`stream ${name}: images of every step, and nothing else left`, async () => {
    const [first] = await twice(async () => {
      const seen: (number[] | undefined)[][] = [];
      const streams = [{ name: "mine", at: [], origin: "contract.yaml", plan }];
      const losses = [planned("ce", lossPlan(crossEntropy)), planned("mine", watching("mine", seen))];
      await withRun({ streams, losses, networks: [network("teacher", averaging)] }, async (run) => {
        const tensors = tf.memory().numTensors;
        for (let step = 0; step < 3; step++) await stepOf(run, { step });
        assert.equal(tf.memory().numTensors, tensors, "left by steps");
      });
      return seen;
    });
    assert.equal(first![0]!.length, 2 * SIDE * SIDE * 3);
    assert.ok(first!.every((values) => values?.every(Number.isFinite) ?? true));
  });
}

for (const { name, plan } of all("network")) {
  test(`network ${name}: moves as it says, and leaves nothing`, async () => {
    const losses = [planned("ce", lossPlan(crossEntropy)), planned("mine", following("mine"))];
    const { before, after } = await twice(() =>
      withRun(
        { networks: [network("mine", plan)], losses },
        async (run) => {
          const weights = () =>
            run.networks.get("mine")!.segmenter.params.map(({ value }) => [...value.dataSync()]);
          const before = weights(), tensors = tf.memory().numTensors;
          for (let step = 0; step < 3; step++) await stepOf(run, { step });
          assert.equal(tf.memory().numTensors, tensors, "left by steps");
          return { before, after: weights(), state: [...valuesOf(run)] };
        },
      )
    );
    // One that an owner trains has none here.
    assert.equal(JSON.stringify(before) !== JSON.stringify(after), plan.changes === true);
  });
}

for (const { name, plan } of all("job")) {
  pathTest(`job ${name}: the same files of the same weights, and nothing left`, async (folder) => {
    let count = 0;
    await twice(async () => {
      const at = `${folder}/${count++}`;
      const place = { at: [], origin: "contract.yaml" };
      const chosen = tinyPlan({
        before: [{ ...place, name: "mine", plan }],
        streams: [{ ...place, name: "made", job: "mine", labels: true }],
        losses: [planned("made", learning("made"))],
      }, { steps: 1 });
      await go(at, chosen);
      const { files } = JSON.parse(await Deno.readTextFile(`${at}/run/jobs/mine/done.json`));
      assert.ok(Object.keys(files).length > 1);
      return files;
    });
  });
}
