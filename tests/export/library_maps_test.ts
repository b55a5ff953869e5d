/** Files of networks that call tfjs's own convolutions and pools. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { comparedOn, networkOfFunction } from "./networks.ts";

await selectBackend("native");

const drawn = (shape: [number, number, number, number], seed: number) =>
  tf.randomNormal([...shape], 0, 0.3, "float32", seed) as tf.Tensor4D;

const CASES: Readonly<Record<string, (images: tf.Tensor4D) => tf.Tensor4D>> = {
  "tf.conv2d, same and valid, strides and dilations": (x) => {
    const strided = tf.conv2d(x, drawn([7, 5, 3, 4], 1), [4, 3], "same");
    return tf.conv2d(strided, drawn([3, 2, 4, 5], 2), 1, "valid", "NHWC", 2) as tf.Tensor4D;
  },
  "tf.conv2d, padded by a number and by sides": (x) => {
    const padded = tf.conv2d(x, drawn([3, 3, 3, 4], 3), 2, 1);
    return tf.conv2d(padded, drawn([3, 3, 4, 5], 4), 1, [[0, 0], [1, 0], [2, 1], [0, 0]]) as tf.Tensor4D;
  },
  "tf.depthwiseConv2d, two outputs a channel": (x) =>
    tf.depthwiseConv2d(x, drawn([3, 3, 3, 2], 5), 2, "same") as tf.Tensor4D,
  "tf.avgPool and tf.maxPool": (x) =>
    tf.maxPool(tf.avgPool(x, 3, 2, "same"), [2, 3], [2, 1], "valid") as tf.Tensor4D,
};

for (const [name, run] of Object.entries(CASES)) {
  Deno.test({
    name: `a file of ${name} says what the network says`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn() {
      const found = comparedOn([85, 70], networkOfFunction(run));
      assert.ok(found.difference < 1e-5 && found.pixels > 20, JSON.stringify(found));
      assert.equal(found.equal, found.pixels);
    },
  });
}
