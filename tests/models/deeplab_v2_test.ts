/** DeepLab-v2 on ResNet-101 against the recorded network, and what its options change. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { constant } from "../../ops/constant.ts";
import { gradients } from "../../ops/gradients.ts";
import type { ModelPlan, View } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { models } from "../../models/mod.ts";
import { assembleModel, type Model } from "../../train/assemble.ts";
import { fillByFormula, formulaImages } from "../formula.ts";
import { backendTest, nhwc, readGolden, readGoldenJson, relative } from "../goldens.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { tinyPlan } from "../train/fakes.ts";

const SIDE = 65;
const CLASSES = 19;
const registry = new Registry(models);

function planned(options: unknown): ModelPlan {
  return registry.plan("model", { type: "deeplab-v2", options });
}

async function withModel(options: unknown, use: (model: Model) => void | Promise<void>): Promise<void> {
  const classes = Array.from({ length: CLASSES }, (_, k) => `class ${k}`);
  const model = assembleModel({
    ...tinyPlan(),
    labelSpace: { name: "19", classes, ignore: 255 },
    model: { type: "deeplab-v2", plan: planned(options) },
  });
  try {
    await use(model);
  } finally {
    model.dispose();
  }
}

backendTest("native", "ResNet-101's state has the names and shapes of published checkpoints", async () => {
  const recorded = readGoldenJson<Record<string, number[]>>("deeplabv2_resnet101_state_dict.json");
  const expected = Object.entries(recorded).filter(([name]) => !name.endsWith("num_batches_tracked"));
  await withModel({ layers: "resnet101" }, ({ state }) => {
    const found = state.map(({ name, variable: { shape } }): [string, number[]] => {
      const [h, w, input, output] = shape as [number, number, number, number];
      return [name, shape.length === 4 ? [output, input, h, w] : shape];
    });
    const sorted = (entries: [string, number[]][]) => entries.sort(([a], [b]) => a < b ? -1 : 1);
    assert.deepEqual(sorted(found), sorted(expected));
  });
});

alsoOnTensorflow(
  "native",
  "ResNet-101 with formula weights gives the recorded features and logits",
  async () => {
    const { tensors } = readGolden("resnet101_forward.safetensors");
    await withModel({ layers: "resnet101" }, async ({ segmenter, state }) => {
      fillByFormula(state);
      const images = tf.tensor4d(formulaImages("input:plca", [1, SIDE, SIDE]), [1, SIDE, SIDE, 3]);
      const [view] = segmenter.forward([images], { training: false });
      const { logits, taps } = view!;
      for (const [key, value] of [["feat", taps["layer4"]!], ["logits", logits]] as const) {
        const expected = nhwc(tensors.get(key)!);
        const error = relative(await value.data(), await expected.data());
        assert.ok(error < 1e-3, `${key} is off by ${error}`);
        expected.dispose();
      }
      tf.dispose([images, ...Object.values(taps)]);
    });
  },
);

backendTest("native", "taps are what the plan declares", async () => {
  const options = { layers: [1, 2, 1, 1], width: 0.25 };
  const declared = planned(options).taps(CLASSES);
  await withModel(options, ({ segmenter }) => {
    tf.tidy(() => {
      const images = tf.zeros([1, 64, 96, 3]) as tf.Tensor4D;
      const { taps } = segmenter.forward([images], { training: false })[0]!;
      assert.deepEqual(Object.keys(taps).sort(), Object.keys(declared).sort());
      for (const [name, { channels, stride }] of Object.entries(declared)) {
        // Stride 8 and less, each halving rounding up: one more than side / stride at the most.
        const [, height, width, depth] = taps[name]!.shape;
        assert.equal(depth, channels, name);
        assert.ok(height >= 64 / stride && height <= 64 / stride + 1, `${name}: ${height} rows`);
        assert.ok(width >= 96 / stride && width <= 96 / stride + 1, `${name}: ${width} columns`);
      }
      const sums = tf.sum(taps["probabilities"]!, 3).dataSync();
      assert.ok(sums.every((sum) => Math.abs(sum - 1) < 1e-5));
    });
  });
});

backendTest(
  "native",
  "batch_norm: a pass changes nothing; what it would change is none when frozen, the running statistics in train",
  async () => {
    for (const [policy, changes] of [["frozen", false], ["train", true]] as const) {
      await withModel({ layers: [1, 1, 1, 1], width: 0.25, batch_norm: policy }, ({ segmenter }) => {
        const mean = segmenter.buffers["backbone.bn1.running_mean"]!;
        const before = mean.dataSync().slice();
        tf.tidy(() => {
          const images = tf.ones([1, 33, 33, 3]) as tf.Tensor4D;
          const [view] = segmenter.forward([images], { training: true });
          assert.deepEqual(mean.dataSync(), before);
          applyUpdates(view!);
        });
        assert.equal(mean.dataSync().some((value, k) => value !== before[k]), changes, policy);
      });
    }
  },
);

backendTest("native", "first_dilation and batch_norm change the logits of the same weights", async () => {
  const logits = async (options: Record<string, unknown>): Promise<Float32Array> => {
    let values = new Float32Array();
    await withModel({ layers: [1, 1, 1, 1], width: 0.25, ...options }, ({ segmenter, state }) => {
      fillByFormula(state);
      values = tf.tidy(() => {
        const images = tf.tensor4d(formulaImages("input:plca", [1, SIDE, SIDE]), [1, SIDE, SIDE, 3]);
        return segmenter.forward([images], { training: true })[0]!.logits.dataSync() as Float32Array;
      }).slice();
    });
    return values;
  };
  const plain = await logits({});
  assert.deepEqual(await logits({}), plain);
  assert.ok(relative(await logits({ first_dilation: "previous" }), plain) > 1e-2);
  assert.ok(relative(await logits({ batch_norm: "frozen" }), plain) > 1e-2);
});

/** As training does after a step. */
function applyUpdates({ updates = [] }: View): void {
  for (const { variable, keep, add, factor = 1 } of updates) {
    variable.assign(tf.tidy(() => tf.add(tf.mul(variable, keep), tf.mul(add, factor))));
  }
}

/** Logits and layer4 of two batches, the running statistics afterwards, and all gradients. */
async function trained(options: Record<string, unknown>, together: boolean): Promise<number[][]> {
  const results: number[][] = [];
  await withModel({ layers: [1, 2, 1, 1], width: 0.25, ...options }, ({ segmenter, state }) => {
    fillByFormula(state);
    tf.tidy(() => {
      const batches = ["a", "b"].map((name, k) =>
        tf.tensor4d(formulaImages(name, [k + 1, SIDE, SIDE]), [k + 1, SIDE, SIDE, 3])
      );
      const params = segmenter.params.map(({ value }) => value);
      const seen: tf.Tensor[] = [];
      const { grads } = gradients(() => {
        const mode = { training: true, taps: ["layer4"] };
        const views = (together ? [batches] : batches.map((images) => [images]))
          .flatMap((some) => segmenter.forward(some, mode));
        seen.push(
          ...views.flatMap(({ logits, taps }) => [logits, taps["layer4"]!]).map((x) => tf.keep(tf.clone(x))),
        );
        views.forEach(applyUpdates);
        return tf.sum(
          tf.concat(views.map(({ logits }, k) => tf.reshape(tf.mul(tf.mean(tf.square(logits)), k + 1), [1]))),
        );
      }, params);
      results.push(
        ...[...seen, ...Object.values(segmenter.buffers), ...grads].map((x) => [...x!.dataSync()]),
      );
      tf.dispose(seen);
    });
  });
  return results;
}

function agree(actual: number[][], expected: number[][]): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((values, k) => {
    const error = relative(values, expected[k]!);
    assert.ok(error < 1e-4, `result ${k} is off by ${error}`);
  });
}

backendTest(
  "native",
  "two batches in one pass are as one after the other, running statistics included",
  async () => {
    agree(await trained({}, true), await trained({}, false));
    agree(await trained({ batch_norm: "frozen" }, true), await trained({ batch_norm: "frozen" }, false));
  },
);

backendTest("native", "checkpointing changes no value, gradient or running statistic", async () => {
  assert.deepEqual(await trained({ checkpointing: true }, true), await trained({}, true));
});

backendTest("native", "checkpointing keeps less for the gradient", async () => {
  const kept = async (checkpointing: boolean): Promise<number> => {
    let bytes = 0;
    await withModel({ layers: [2, 2, 2, 2], width: 0.25, checkpointing }, ({ segmenter }) => {
      const before = tf.memory().numBytes;
      const weights = segmenter.params.map(({ value }) => value);
      tf.tidy(() =>
        gradients(() => {
          const images = tf.zeros([1, 129, 129, 3]) as tf.Tensor4D;
          const { logits } = segmenter.forward([images], { training: true })[0]!;
          bytes = tf.memory().numBytes - before;
          return tf.sum(logits);
        }, weights).value
      );
    });
    return bytes;
  };
  const [all, few] = [await kept(false), await kept(true)];
  assert.ok(few < 0.6 * all, `${few} of ${all} bytes`);
});

backendTest(
  "native",
  "a gradient goes through pixels that were made with a variable, however they are joined",
  async () => {
    await withModel({ layers: [1, 1, 1, 1], width: 0.125 }, ({ segmenter, state }) => {
      fillByFormula(state);
      const factor = tf.variable(tf.scalar(1));
      const images = tf.tensor4d(formulaImages("input:plca", [1, 33, 33]), [1, 33, 33, 3]);
      const loss = () => {
        // Statistics of the batch would take the factor out again.
        const views = segmenter.forward([images, tf.mul(images, factor)], { training: false });
        return tf.mean(tf.square(views[1]!.logits)) as tf.Scalar;
      };
      const gradient = tf.tidy(() => gradients(loss, [factor]).grads[0]!.dataSync()[0]!);
      const at = (value: number) => {
        factor.assign(tf.scalar(value));
        return tf.tidy(() => loss().dataSync()[0]!);
      };
      const slope = (at(1.01) - at(0.99)) / 0.02;
      assert.ok(Math.abs(gradient / slope - 1) < 0.02, `${gradient}, the slope is ${slope}`);
      tf.dispose([factor, images]);
    });
  },
);

backendTest(
  "native",
  "a tap of a joint pass may first be read where no gradient flows, or in a scope of its own",
  async () => {
    await withModel({ layers: [1, 1, 1, 1], width: 0.25 }, ({ segmenter }) => {
      tf.tidy(() => {
        const images = tf.ones([1, 33, 33, 3]) as tf.Tensor4D;
        const { grads } = gradients(() => {
          const [view] = segmenter.forward([images, images], { training: true, taps: ["layer3"] });
          const still = constant(() => tf.mean(tf.square(view!.taps["layer3"]!)));
          tf.tidy(() => tf.scalar(view!.taps["layer3"]!.shape[3]));
          return tf.add(tf.mean(tf.square(view!.taps["layer3"]!)), still) as tf.Scalar;
        }, segmenter.params.map(({ value }) => value));
        const reached = segmenter.params.filter((_, k) => grads[k] !== undefined).map(({ name }) => name);
        assert.ok(
          reached.includes("backbone.conv1.weight") && reached.includes("backbone.layer3.0.conv3.weight"),
        );
      });
    });
  },
);
