/** Means of the gradients of several passes. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { Averaging, mean } from "../../train/averaging.ts";
import type { World } from "../../core/world.ts";

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

Deno.test({
  name: "gradients are handed to the other processes in order, each once four newer ones are complete",
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await selectBackend("cpu");
  const given: number[] = [];
  const world = {
    size: 2,
    gradual: () => ({ add: (k: number) => void given.push(k), pump() {}, end: () => Array(6).fill(null) }),
  } as unknown as World;
  const averaging = new Averaging(world);
  const listener = averaging.listening([])!([]);
  for (let k = 0; k < 4; k++) listener.done(k, tf.scalar(k));
  assert.deepEqual(given, []);
  listener.done(4, undefined);
  listener.done(5, tf.scalar(5));
  assert.deepEqual(given, [0, 1]);
  averaging.whole([{ grads: [], owners: [] } as never]);
  assert.deepEqual(given, [0, 1, 2, 3, 4, 5]);
});
