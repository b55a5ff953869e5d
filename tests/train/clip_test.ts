import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { clipGradients } from "../../train/clip.ts";

Deno.test({
  name: "a gradient is scaled to the limit, a smaller one kept",
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await selectBackend("cpu");
  // Norm 13 over both together.
  const gradients = () => [tf.tensor1d([3, 4]), null, tf.tensor2d([[12]])];
  const values = (limit: number) =>
    clipGradients(gradients(), limit).map((each) => each && [...each.dataSync()]);
  const [first, second, third] = values(6.5);
  assert.equal(second, null);
  [...first!, ...third!].forEach((value, k) => assert.ok(Math.abs(value - [1.5, 2, 6][k]!) < 1e-6));
  assert.deepEqual(values(14), [[3, 4], null, [12]]);
  assert.deepEqual(clipGradients([null], 1), [null]);
});
