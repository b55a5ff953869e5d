/** Means of the gradients of several passes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { mean } from "../../train/averaging.ts";

Deno.test({
  name: "mean: a gradient that a pass lacks counts as zeros there; one that all lack stays null",
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await selectBackend("cpu");
  const passes = [[tf.tensor1d([2, 4]), null, null], [tf.tensor1d([4, 0]), null, tf.tensor1d([6])]];
  const means = mean(passes).map((grad) => grad && [...grad.dataSync()]);
  assert.deepEqual(means, [[3, 2], null, [3]]);
  assert.equal(mean(passes.slice(0, 1)), passes[0], "of one pass nothing is computed");
});
