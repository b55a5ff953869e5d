/** Files of networks that call tfjs's own convolutions and pools. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { openModel } from "../../export/run_model.ts";
import { trialsOf } from "../../export/trials.ts";
import { compareOutputs } from "../../export/verify.ts";
import { fileOf, PLAIN, type TestNetwork } from "./networks.ts";

await selectBackend("native");

const drawn = (shape: [number, number, number, number], seed: number) =>
  tf.randomNormal([...shape], 0, 0.3, "float32", seed) as tf.Tensor4D;

/** A network that is one function of the images. */
function networkOf(run: (images: tf.Tensor4D) => tf.Tensor4D): TestNetwork {
  const segmenter = {
    params: [],
    buffers: {},
    classify: (features: tf.Tensor4D) => features,
    forward: (batches: readonly tf.Tensor4D[]) =>
      batches.map((images) => {
        const logits = run(images);
        return { logits, taps: { logits } };
      }),
  };
  return { ensemble: { networks: [{ segmenter, weight: 1 }], featureTap: "logits" }, dispose() {} };
}

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
      const network = networkOf(run);
      const { model } = fileOf(network);
      const picture = (seed: number) => ({
        width: 85,
        height: 70,
        data: Uint8Array.from({ length: 3 * 85 * 70 }, (_, k) => (k * 37 + seed * 101) % 256),
      });
      const trials = trialsOf([picture(1), picture(2)], {
        normalization: { order: "rgb", scale: 1 / 255, mean: [0.5, 0.5, 0.5], deviation: [1, 1, 1] },
        bytes: false,
        free: true,
      });
      const file = openModel({ model, input: "images", output: "logits" });
      const found = compareOutputs(file, network.ensemble, { ...PLAIN, wanted: "logits", trials });
      file.close();
      assert.ok(found.difference < 1e-5 && found.pixels > 20, JSON.stringify(found));
      assert.equal(found.equal, found.pixels);
    },
  });
}
