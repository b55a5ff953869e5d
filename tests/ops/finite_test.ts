/** The look at all gradients of a step: one number that is finite only if every gradient is. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { kernels } from "../../ops/kernels.ts";
import { backendTest } from "../goldens.ts";

for (const backend of ["native", "wasm", "cpu"] as const) {
  backendTest(
    backend,
    `finite on ${backend}: one NaN or infinity anywhere shows, numbers alone do not`,
    () => {
      for (const size of [1, 3, 15, 16, 17, 63]) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          for (let place = 0; place < size; place++) {
            tf.tidy(() => {
              const values = Array.from({ length: size }, (_, k) => k === place ? bad : k - 7);
              const tensors = [tf.ones([2, 3]), tf.tensor1d(values, "float32"), tf.zeros([0])];
              assert.ok(
                !Number.isFinite(kernels().finite(tensors).dataSync()[0]),
                `${bad} at ${place} of ${size}`,
              );
            });
          }
        }
        tf.tidy(() => assert.ok(Number.isFinite(kernels().finite([tf.range(0, size)]).dataSync()[0])));
      }
      tf.tidy(() => assert.equal(kernels().finite([]).dataSync()[0], 0));
      return Promise.resolve();
    },
  );
}
