/** What bench/own_products.ts counts. In a file of its own: it sees models that are not loaded yet. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { watchProducts } from "../../bench/own_products.ts";
import { backendTest } from "../goldens.ts";

backendTest("native", "products are counted with their operations, and computed again", () => {
  const watched = watchProducts();
  const [m, n, k] = [64, 48, 32];
  tf.tidy(() => {
    const a = tf.ones([m, k]) as tf.Tensor2D, b = tf.ones([n, k]) as tf.Tensor2D;
    tf.matMul(a, b, false, true);
    tf.matMul(tf.matMul(a, b, false, true), b);
    tf.matMul(tf.ones([3, m, k]), tf.ones([3, k, n]));
  });
  const before = tf.memory().numTensors;
  const own = watched();
  assert.equal(own.count, 4);
  assert.equal(own.operations, (3 + 3) * 2 * m * n * k);
  assert.ok(own.again() > 0);
  own.dispose();
  assert.equal(tf.memory().numTensors, before, "tensors leaked");
  const none = watched();
  assert.deepEqual([none.count, none.operations], [0, 0], "what is computed again is not counted");
  none.dispose();
  return Promise.resolve();
});
