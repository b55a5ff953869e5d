/** The association's memory grows with the pixels, not with their square. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { aggregate } from "../../ops/association/aggregation.ts";
import { contrastByDefault } from "../../ops/association/level.ts";
import { associationLoss } from "../../ops/association/loss.ts";
import { gradients } from "../../ops/gradients.ts";
import { heapMemory } from "../../backends/wasm/heap.ts";
import { Random } from "../../core/random.ts";
import { Registry } from "../../core/registry.ts";
import { similarities } from "../../losses/mod.ts";
import { backendTest } from "../goldens.ts";

const registry = new Registry([...similarities]);
const CHANNELS = 8;

/** Both passes of an association with aggregation between images of so many pixels. */
function associate(name: string, pixels: number): void {
  const similarity = registry.plan("similarity", name);
  const random = Random.stream(pixels, name);
  tf.tidy(() => {
    const features = () => {
      const values = Float32Array.from({ length: pixels * CHANNELS }, () => random.normal());
      const x = tf.tensor3d(values, [1, pixels, CHANNELS]);
      return similarity.accepts === "real" ? x : tf.softmax(x);
    };
    const source = features(), target = features();
    const labels = tf.zeros([1, pixels], "int32") as tf.Tensor2D;
    gradients(() => {
      const mixed = aggregate(target, { similarity, alpha: 0.5, contrast: contrastByDefault(similarity) });
      const options = { similarity, contrast: true, objective: "contrastive", ignoreLabel: 255 } as const;
      return associationLoss([source, mixed], labels, options).loss;
    }, [source, target]);
  });
}

for (const name of ["cosine", "negative-kl"]) {
  backendTest(
    "native",
    `${name}: associating 9,216 pixels takes a small part of one similarity matrix`,
    () => {
      const pixels = 96 * 96, matrix = 4 * pixels ** 2;
      const before = heapMemory().buffer.byteLength;
      associate(name, pixels);
      const taken = heapMemory().buffer.byteLength - before;
      assert.ok(taken < matrix / 6, `${(taken / 1e6).toFixed(0)} MB of ${(matrix / 1e6).toFixed(0)} MB`);
      return Promise.resolve();
    },
  );
}
