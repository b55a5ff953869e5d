/**
 * Linear operators and their gradients. A linear operator A has the gradient A^T: whatever x and y are, A x times y is x
 * times A^T y. Both sides are sums of the same products, so they agree to rounding, on every backend and for every shape.
 */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { adaptiveAveragePool, averagePool } from "../../ops/average_pool.ts";
import { conv2d } from "../../ops/conv2d.ts";
import { conv2dTranspose } from "../../ops/conv2d_transpose.ts";
import { depthwiseConv2d } from "../../ops/depthwise_conv2d.ts";
import type { Window } from "../../ops/kernel_types.ts";
import { linear } from "../../ops/linear.ts";
import { patchMeans } from "../../ops/patch_modes.ts";
import { reflectPad } from "../../ops/reflect_pad.ts";
import { resizeBilinear } from "../../ops/resize_bilinear.ts";
import { resizePositions } from "../../ops/resize_positions.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, withGradients } from "../goldens.ts";

/** An operator that is linear in each of its inputs by itself. */
interface Linear {
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...xs: tf.Tensor[]) => tf.Tensor;
}

const side = fc.integer({ min: 1, max: 11 });
const small = fc.integer({ min: 1, max: 3 });
const sides = fc.record({ n: small, h: side, w: side, c: fc.integer({ min: 1, max: 5 }) });
const map = (x: tf.Tensor | undefined) => x as tf.Tensor4D;

/** Windows that fit into images of so many pixels. */
const windows = fc.record({
  h: side,
  w: side,
  size: small,
  window: fc.record({ stride: small, padding: fc.integer({ min: 0, max: 4 }), dilation: small }),
}).filter(({ h, w, size, window: { stride, padding, dilation } }) =>
  // tfjs computes no others.
  (stride === 1 || dilation === 1) && Math.min(h, w) + 2 * padding > dilation * (size - 1)
);

const OPERATORS: Readonly<Record<string, fc.Arbitrary<Linear>>> = {
  "resizeBilinear, half-pixel centres": fc.tuple(sides, side, side).map(([{ n, h, w, c }, tall, wide]) => ({
    shapes: [[n, h, w, c]],
    f: (x) => resizeBilinear(map(x), [tall, wide]),
  })),
  "resizeBilinear, aligned corners": fc.tuple(sides, side, side).map(([{ n, h, w, c }, tall, wide]) => ({
    shapes: [[n, h, w, c]],
    f: (x) => resizeBilinear(map(x), [tall, wide], { alignCorners: true }),
  })),
  averagePool: fc.tuple(sides, small).map(([{ n, h, w, c }, size]) => ({
    shapes: [[n, h + size, w + size, c]],
    f: (x) => averagePool(map(x), size),
  })),
  adaptiveAveragePool: fc.tuple(sides, side, side).map(([{ n, h, w, c }, tall, wide]) => ({
    shapes: [[n, h, w, c]],
    f: (x) => adaptiveAveragePool(map(x), [tall, wide]),
  })),
  patchMeans: fc.tuple(sides, small, small).map(([{ n, h, w, c }, rows, columns]) => ({
    shapes: [[n, 2 * h + rows, 4 * w + columns, c]],
    f: (x) => patchMeans(map(x), [Math.floor((2 * h + rows) / 2), Math.floor((4 * w + columns) / 4)], [2, 4]),
  })),
  reflectPad: fc.tuple(sides, small).map(([{ n, h, w, c }, pixels]) => ({
    shapes: [[n, h + pixels, w + pixels, c]],
    f: (x) => reflectPad(map(x), pixels),
  })),
  resizePositions: fc.tuple(fc.integer({ min: 1, max: 5 }), side, side, fc.boolean()).map((
    [table, tall, wide, antialias],
  ) => ({
    shapes: [[1, 1 + table ** 2, 3]],
    f: (x) => resizePositions(x as tf.Tensor3D, [tall, wide], { offset: 0.1, antialias }),
  })),
  conv2d: fc.tuple(windows, small, side, side).map(([{ h, w, size, window }, n, input, output]) => ({
    shapes: [[n, h, w, input], [size, size, input, output]],
    f: (x, filter) => conv2d(map(x), map(filter), window),
  })),
  depthwiseConv2d: fc.tuple(windows, small, side).map(([{ h, w, size, window }, n, channels]) => ({
    shapes: [[n, h, w, channels], [size, size, channels, 1]],
    f: (x, filter) => depthwiseConv2d(map(x), map(filter), window),
  })),
  conv2dTranspose: fc.tuple(sides, small, side).map(([{ n, h, w, c }, stride, output]) => ({
    shapes: [[n, h + 1, w + 1, c], [4, 4, output, c]],
    f: (x, filter) => conv2dTranspose(map(x), map(filter), { stride, padding: 1 }),
  })),
  "linear, output first": fc.tuple(small, side, side, side).map(([n, tokens, input, output]) => ({
    shapes: [[n, tokens, input], [output, input]],
    f: (x, weight) => linear(x!, { weight: weight as tf.Tensor2D, outputFirst: true }),
  })),
};

/** The sum of products, in double precision. */
function inner(a: tf.Tensor, b: tf.Tensor): number {
  const left = a.dataSync() as Float32Array, right = b.dataSync();
  return left.reduce((sum, value, k) => sum + value * right[k]!, 0);
}

function length(x: tf.Tensor): number {
  return Math.sqrt(inner(x, x));
}

for (const backend of ["cpu", "native", "wasm"] as const) {
  for (const [name, cases] of Object.entries(OPERATORS)) {
    backendTest(backend, `${name}: the gradient is the operator's adjoint, by each of its inputs`, () => {
      fc.assert(
        fc.property(cases, ({ shapes, f }) =>
          tf.tidy(() => {
            const xs = shapes.map((shape, k) =>
              tf.tensor(normals(shape.reduce((a, b) => a * b), k, name), [...shape])
            );
            const value = f(...xs), y = tf.tensor(normals(value.size, 9, name), value.shape);
            const { grads } = withGradients(f, xs, y);
            const expected = inner(value, y);
            grads.forEach((grad, k) => {
              assert.deepEqual(grad.shape, xs[k]!.shape);
              const error = Math.abs(inner(xs[k]!, grad) - expected);
              assert.ok(
                error <= 1e-5 * (length(value) * length(y) + length(xs[k]!) * length(grad)),
                `input ${k} of [${shapes.join("] and [")}]: off by ${error} of ${expected}`,
              );
            });
          })),
        { seed: 1, numRuns: 25 },
      );
      return Promise.resolve();
    });
  }

  backendTest(backend, "conv2dTranspose is the adjoint of conv2d with the same filter and window", () => {
    const cases = fc.tuple(windows, small, small);
    fc.assert(
      fc.property(cases, ([{ h, w, size, window }, input, output]) =>
        tf.tidy(() => {
          // Only where the strides leave no pixel out is the larger side known from the smaller one.
          const exact = (pixels: number) =>
            pixels - (pixels + 2 * window.padding - reach(size, window)) % window.stride;
          const x = tf.tensor4d(normals(exact(h) * exact(w) * input, 1, "x"), [1, exact(h), exact(w), input]);
          if (Math.min(exact(h), exact(w)) < 1) return;
          const filter = tf.tensor4d(normals(size ** 2 * input * output, 2, "w"), [
            size,
            size,
            input,
            output,
          ]);
          const there = conv2d(x, filter, window);
          const y = tf.tensor4d(normals(there.size, 3, "y"), there.shape);
          const back = conv2dTranspose(y, filter, window);
          assert.deepEqual(back.shape, x.shape);
          const error = Math.abs(inner(there, y) - inner(x, back));
          assert.ok(error <= 1e-5 * (length(there) * length(y) + 1), `off by ${error}`);
        })),
      { seed: 2, numRuns: 40 },
    );
    return Promise.resolve();
  });
}

/** Pixels that a window covers along a side. */
function reach(taps: number, { dilation }: Window): number {
  return dilation * (taps - 1) + 1;
}
