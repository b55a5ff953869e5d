/** DeepLab-v2's options against the plain PyTorch network of fixtures/deeplab.py. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { models } from "../../models/mod.ts";
import { assembleModel } from "../../train/assemble.ts";
import { fillByFormula, formulaImages } from "../formula.ts";
import { relative } from "../goldens.ts";
import { alsoOnTensorflow } from "../tensorflow.ts";
import { tinyPlan } from "../train/fakes.ts";

interface Recorded {
  readonly input: readonly [number, number, number, number];
  readonly layers: readonly number[];
  readonly width: number;
  readonly classes: number;
  readonly cases: readonly {
    readonly options: Readonly<Record<string, unknown>>;
    /** NCHW. */
    readonly shape: readonly [number, number, number, number];
    readonly logits: readonly number[];
  }[];
}

const recorded: Recorded = JSON.parse(
  await Deno.readTextFile(new URL("fixtures/deeplab_options.json", import.meta.url)),
);
const registry = new Registry(models);

for (const { options, shape: [n, classes, height, width], logits } of recorded.cases) {
  alsoOnTensorflow("native", `${JSON.stringify(options)} gives PyTorch's logits`, async () => {
    const { layers, width: factor, input: [, , rows, columns] } = recorded;
    const plan = registry.plan("model", {
      type: "deeplab-v2",
      options: { layers, width: factor, ...options },
    });
    const names = Array.from({ length: classes }, (_, k) => `class ${k}`);
    const model = assembleModel({
      ...tinyPlan(),
      labelSpace: { name: "recorded", classes: names, ignore: 255 },
      model: { type: "deeplab-v2", plan },
    });
    fillByFormula(model.state);
    const result = tf.tidy(() => {
      const images = tf.tensor4d(formulaImages("input:plca", [n, rows, columns]), [n, rows, columns, 3]);
      const { logits } = model.segmenter.forward([images], { training: false })[0]!;
      assert.deepEqual(logits.shape, [n, height, width, classes]);
      return tf.transpose(logits, [0, 3, 1, 2]);
    });
    const error = relative(await result.data(), logits);
    assert.ok(error < 1e-4, `off by ${error}`);
    result.dispose();
    model.dispose();
  });
}
