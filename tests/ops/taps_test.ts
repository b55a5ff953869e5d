/** The slices that convolutions are made of, and where windows fit. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { outputSide, padded, slopeImage, spread, tapPixels } from "../../ops/taps.ts";
import { backendTest } from "../goldens.ts";

/** 1, 2, 3, ... as one image of a channel. */
const counting = (height: number, width: number) =>
  tf.tensor4d(Array.from({ length: height * width }, (_, k) => k + 1), [1, height, width, 1]);

const rowsOf = (x: tf.Tensor) => (tf.squeeze(x, [0, 3]) as tf.Tensor2D).arraySync();

backendTest(
  "cpu",
  "spread: neighbours are stride - 1 zeros apart, none before the first or behind the last",
  () => {
    tf.tidy(() => {
      assert.deepEqual(rowsOf(spread(counting(2, 3), 2)), [[1, 0, 2, 0, 3], [0, 0, 0, 0, 0], [
        4,
        0,
        5,
        0,
        6,
      ]]);
      assert.deepEqual(rowsOf(spread(counting(1, 2), 3)), [[1, 0, 0, 2]]);
      const channels = spread(tf.tensor4d([1, 2, 3, 4], [2, 1, 1, 2]), 4);
      assert.deepEqual([channels.shape, [...channels.dataSync()]], [[2, 1, 1, 2], [1, 2, 3, 4]]);
      assert.deepEqual(rowsOf(spread(counting(2, 2), 1)), [[1, 2], [3, 4]]);
    });
    return Promise.resolve();
  },
);

backendTest(
  "cpu",
  "tapPixels: one pixel for each output pixel, stride apart, from the tap's place on",
  () => {
    tf.tidy(() => {
      const x = counting(5, 6);
      assert.deepEqual(rowsOf(tapPixels(x, [1, 2], [2, 2], 2)), [[9, 11], [21, 23]]);
      assert.deepEqual(rowsOf(tapPixels(x, [0, 1], [2, 3], 1)), [[2, 3, 4], [8, 9, 10]]);
      assert.deepEqual(rowsOf(tapPixels(x, [4, 5], [1, 1], 3)), [[30]]);
    });
    return Promise.resolve();
  },
);

backendTest("cpu", "padded: zeros on all four sides, of every image and channel alike", () => {
  tf.tidy(() => {
    assert.deepEqual(rowsOf(padded(counting(1, 2), 1)), [[0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 0]]);
    assert.deepEqual(padded(tf.ones([2, 3, 1, 5]), 2).shape, [2, 7, 5, 5]);
    assert.deepEqual(rowsOf(padded(counting(1, 2), 0)), [[1, 2]]);
  });
  return Promise.resolve();
});

backendTest(
  "cpu",
  "slopeImage: the margin that the turned filter needs, cut where outputs saw padding only",
  () => {
    tf.tidy(() => {
      const plain = { stride: 1, padding: 0, dilation: 1 };
      // A 1x2 filter on three pixels has two outputs; a zero on either side gives three results again.
      assert.deepEqual(rowsOf(slopeImage(counting(1, 2), [1, 2], [1, 1, 3, 1], plain)), [[0, 1, 2, 0]]);
      // Padding 2 of a 1x1 filter: outputs 1, 2 and 6, 7 saw zeros alone.
      const wide = slopeImage(counting(1, 7), [1, 1], [1, 1, 3, 1], { ...plain, padding: 2 });
      assert.deepEqual([wide.shape, [...wide.dataSync()]], [[1, 1, 3, 1], [0, 0, 0]]);
      // Stride 2 left the last pixel out: it gets no gradient.
      const strided = slopeImage(counting(1, 2), [1, 1], [1, 1, 4, 1], { ...plain, stride: 2 });
      assert.deepEqual(rowsOf(strided), [[1, 0, 2, 0]]);
    });
    return Promise.resolve();
  },
);

Deno.test("outputSide counts the places at which a window lies within the padded image", () => {
  const side = fc.integer({ min: 1, max: 12 });
  const few = fc.integer({ min: 1, max: 4 });
  fc.assert(
    fc.property(
      side,
      few,
      few,
      fc.integer({ min: 0, max: 5 }),
      few,
      (pixels, taps, stride, padding, dilation) => {
        const reach = dilation * (taps - 1) + 1;
        let places = 0;
        while (places * stride + reach <= pixels + 2 * padding) places++;
        const found = outputSide(pixels, taps, { stride, padding, dilation });
        if (places > 0) assert.equal(found, places);
        else assert.ok(found <= 0);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});
