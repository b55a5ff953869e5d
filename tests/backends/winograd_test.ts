/** 3x3 convolutions in tiles of two by two pixels, against the plain sum in double precision. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { nativeProducts } from "../../backends/native/products.ts";
import { copiedMultiply, copiedMultiplyPlanes, productsAtOnce } from "../../backends/wasm/products.ts";
import {
  hasTiles,
  tiledConv2d,
  tiledFilterGradient,
  tiledInputGradient,
} from "../../backends/wasm/winograd.ts";
import type { Shape4D, Window } from "../../ops/kernel_types.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest, relative } from "../goldens.ts";

const PRODUCTS = { native: nativeProducts, wasm: productsAtOnce(copiedMultiply, copiedMultiplyPlanes) };

interface Sizes {
  readonly x: Shape4D;
  readonly output: number;
  readonly dilation: number;
}

/** What is given, and what the three functions make of it. */
function made({ x: shape, output, dilation }: Sizes, products: typeof PRODUCTS.native, seed: number) {
  const [images, height, width, input] = shape;
  const window: Window = { stride: 1, padding: dilation, dilation };
  const tensor = (name: string, sides: Shape4D) =>
    tf.tensor4d(normals(sides.reduce((a, b) => a * b), seed, name), sides);
  const x = tensor("x", shape), filter = tensor("filter", [3, 3, input, output]);
  const dy = tensor("dy", [images, height, width, output]);
  const { planes: multiply, planesLater: later } = products;
  const gradient = tf.zeros(filter.shape) as tf.Tensor4D;
  return {
    x,
    filter,
    dy,
    y: tiledConv2d(x, filter, window, multiply),
    dx: tiledInputGradient(dy, filter, window, multiply),
    dFilter: tiledFilterGradient(dy, x, gradient, { window, multiply, later }),
  };
}

/** All three as plain sums of products in double precision. */
function plain({ x: [images, height, width, input], output, dilation }: Sizes, given: {
  readonly x: tf.Tensor;
  readonly filter: tf.Tensor;
  readonly dy: tf.Tensor;
}) {
  const [x, filter, dy] = [given.x, given.filter, given.dy].map((tensor) => tensor.dataSync());
  const y = new Float64Array(dy!.length), dx = new Float64Array(x!.length);
  const dFilter = new Float64Array(filter!.length);
  for (let pixel = 0; pixel < images * height * width; pixel++) {
    const image = Math.floor(pixel / (height * width));
    const row = Math.floor(pixel / width) % height, column = pixel % width;
    for (let tap = 0; tap < 9; tap++) {
      const r = row + (Math.floor(tap / 3) - 1) * dilation, c = column + (tap % 3 - 1) * dilation;
      if (r < 0 || r >= height || c < 0 || c >= width) continue;
      const seen = (image * height + r) * width + c;
      for (let i = 0; i < input; i++) {
        for (let o = 0; o < output; o++) {
          const weight = (tap * input + i) * output + o;
          y[pixel * output + o]! += x![seen * input + i]! * filter![weight]!;
          dx[seen * input + i]! += dy![pixel * output + o]! * filter![weight]!;
          dFilter[weight]! += x![seen * input + i]! * dy![pixel * output + o]!;
        }
      }
    }
  }
  return { y, dx, dFilter };
}

/** Leaves NaN in memory that the next tensors get. */
function soil(): void {
  tf.dispose([1000, 10_000, 100_000].map((count) => tf.fill([count], NaN)));
}

const sizes = fc.record({
  x: fc.tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.constantFrom(4, 8, 12),
  ) as fc.Arbitrary<Shape4D>,
  output: fc.constantFrom(4, 8, 16),
  dilation: fc.integer({ min: 1, max: 5 }),
});

for (const [how, products] of Object.entries(PRODUCTS)) {
  backendTest(
    "native",
    `${how}: tiles give the plain sum and its gradients, for any size and dilation`,
    () => {
      fc.assert(
        fc.property(sizes, fc.nat(99), (size, seed) => {
          tf.tidy(() => {
            soil();
            const tiled = made(size, products, seed), expected = plain(size, tiled);
            for (const name of ["y", "dx", "dFilter"] as const) {
              assert.ok(relative(tiled[name].dataSync(), expected[name]) < 2e-6, name);
            }
          });
        }),
        { numRuns: 60 },
      );
      return Promise.resolve();
    },
  );

  backendTest(
    "native",
    `${how}: with several runs of tiles the gradients are the convolution's transposes`,
    () => {
      // 8 MB hold 64 tiles of 2,048 channels, of 100.
      const size: Sizes = { x: [1, 20, 20, 1024], output: 1024, dilation: 2 };
      tf.tidy(() => {
        soil();
        const { x, filter, dy, y, dx, dFilter } = made(size, products, 1);
        const sums = [[y, dy], [x, dx], [filter, dFilter]].map(([a, b]) => {
          const [left, right] = [a!.dataSync(), b!.dataSync()];
          let sum = 0;
          for (let k = 0; k < left.length; k++) sum += left[k]! * right[k]!;
          return sum;
        });
        // The sums' terms have both signs; of 1,000 per output and 400,000 outputs some 2e4 is left.
        assert.ok(Math.abs(sums[1]! - sums[0]!) < 1, `${sums}`);
        assert.ok(Math.abs(sums[2]! - sums[0]!) < 1, `${sums}`);
      });
      return Promise.resolve();
    },
  );
}

Deno.test("hasTiles: 3x3 with stride 1 and an output of the input's size, from 256 channels on", () => {
  const window: Window = { stride: 1, padding: 2, dilation: 2 }, shape = [3, 3, 256, 512];
  assert.ok(hasTiles(shape, window));
  assert.ok(!hasTiles([3, 3, 255, 512], window));
  assert.ok(!hasTiles([3, 3, 256, 252], window));
  assert.ok(!hasTiles([3, 3, 258, 512], window));
  assert.ok(!hasTiles([1, 1, 256, 512], window));
  assert.ok(!hasTiles([3, 1, 256, 512], window));
  assert.ok(!hasTiles(shape, { ...window, stride: 2 }));
  assert.ok(!hasTiles(shape, { ...window, padding: 1 }));
});
