import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { normalisedEntropy } from "../../ops/entropy.ts";
import { gradients } from "../../ops/gradients.ts";
import { backendTest } from "../goldens.ts";

backendTest("cpu", "the normalised entropy is a share of the largest, and 0 of a single class", () => {
  const of = (logits: readonly number[], classes: number) =>
    tf.tidy(() => {
      const x = tf.tensor4d([...logits], [1, 1, logits.length / classes, classes]);
      const { value, grads } = gradients(() => normalisedEntropy(x), [x]);
      return { value: value.dataSync()[0]!, gradient: [...grads[0]!.dataSync()] };
    });
  assert.ok(Math.abs(of([0, 0, 0, 5, 5, 5], 3).value - 1) < 1e-6);
  assert.ok(of([100, 0, 0], 3).value < 1e-6);
  // ln 2 of ln 3.
  assert.ok(Math.abs(of([0, 0, -100], 3).value - Math.log(2) / Math.log(3)) < 1e-6);
  assert.deepEqual(of([3, 4], 1), { value: 0, gradient: [0, 0] });
  // d/dz of -sum p log p is -p (log p + entropy); the mean is over two pixels.
  const [p, q] = [0.75, 0.25], entropy = -p * Math.log(p) - q * Math.log(q);
  const slope = -p * (Math.log(p) + entropy) / Math.log(2) / 2;
  const { gradient } = of([Math.log(3), 0, 0, 0], 2);
  [slope, -slope, 0, 0].forEach((expected, k) => assert.ok(Math.abs(gradient[k]! - expected) < 1e-6));
  return Promise.resolve();
});
