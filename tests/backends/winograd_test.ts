/** 3x3 convolutions in tiles of two by two pixels, against the plain sum in double precision. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import fc from "fast-check";
import { nativeProducts } from "../../backends/native/products.ts";
import { heapConvolutions } from "../../backends/wasm/convolutions.ts";
import { emptyTensor } from "../../backends/wasm/heap.ts";
import { limitsOf } from "../../backends/wasm/limits.ts";
import { HEAP_ALONE, heapRoom } from "../../backends/wasm/room.ts";
import {
  hasTiles,
  tiledConv2d,
  tiledFilterGradient,
  tiledInputGradient,
} from "../../backends/wasm/winograd.ts";
import type { Shape4D, Window } from "../../ops/kernel_types.ts";
import { kernels } from "../../ops/kernels.ts";
import { normals } from "../contracts/differences.ts";
import { backendTest } from "../goldens.ts";

interface Sizes {
  readonly x: Shape4D;
  readonly output: number;
  readonly dilation: number;
}

function windowOf(dilation: number): Window {
  return { stride: 1, padding: dilation, dilation };
}

/** A map, a filter, and a gradient of the output. */
function drawn({ x: shape, output }: Sizes, seed: number) {
  const [images, height, width, input] = shape;
  const tensor = (name: string, sides: Shape4D) =>
    tf.tensor4d(normals(sides.reduce((a, b) => a * b), seed, name), sides);
  return {
    x: tensor("x", shape),
    filter: tensor("filter", [3, 3, input, output]),
    dy: tensor("dy", [images, height, width, output]),
  };
}

type Results<T> = Readonly<Record<"y" | "dx" | "dFilter", T>>;

/** The convolution and its gradients as plain sums of products in double precision. */
function plain(
  { x: [images, height, width, input], output, dilation }: Sizes,
  given: ReturnType<typeof drawn>,
): Results<Float64Array> {
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

/** Compares with the results in double precision, of which the largest value is the measure. */
function assertNear(found: Results<tf.Tensor>, expected: Results<Float64Array | Float32Array>): void {
  for (const name of ["y", "dx", "dFilter"] as const) {
    const values = found[name].dataSync();
    let off = 0, largest = 0;
    expected[name].forEach((value, k) => {
      // So that NaN is far off.
      if (!(Math.abs(values[k]! - value) <= off)) off = Math.abs(values[k]! - value);
      largest = Math.max(largest, Math.abs(value));
    });
    assert.ok(off <= 2e-6 * largest, `${name}: ${off / largest}`);
  }
}

/** A convolution and its gradients by these kernels. */
function convolved(
  { conv2d, conv2dInputGradient, conv2dFilterGradient }: ReturnType<typeof heapConvolutions>,
  { x, filter, dy }: ReturnType<typeof drawn>,
  window: Window,
): Results<tf.Tensor> {
  return {
    y: conv2d(x, filter, window),
    dx: conv2dInputGradient(dy, filter, x.shape, window),
    dFilter: conv2dFilterGradient(dy, x, filter.shape, window),
  };
}

/** Leaves NaN in memory that the next tensors get. */
function soil(): void {
  tf.dispose([1000, 10_000, 100_000, 1_000_000].map((count) => tf.fill([count], NaN)));
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

backendTest("native", "tiles give the plain sum and its gradients, for any size and dilation", () => {
  const { planes: multiply, planesLater: later } = nativeProducts;
  fc.assert(
    fc.property(sizes, fc.nat(99), (size, seed) => {
      tf.tidy(() => {
        soil();
        const given = drawn(size, seed), { x, filter, dy } = given, window = windowOf(size.dilation);
        const gradient = emptyTensor(filter.shape) as tf.Tensor4D;
        assertNear({
          y: tiledConv2d(x, filter, window, multiply),
          dx: tiledInputGradient(dy, filter, window, multiply),
          dFilter: tiledFilterGradient(dy, x, gradient, { window, multiply, later }),
        }, plain(size, given));
      });
    }),
    { numRuns: 60 },
  );
  return Promise.resolve();
});

for (const backend of ["native", "wasm"] as const) {
  backendTest(
    backend,
    "with 256 channels conv2d and its gradients are the plain sum and its gradients",
    () => {
      const size: Sizes = { x: [2, 11, 11, 256], output: 256, dilation: 2 }, window = windowOf(2);
      tf.tidy(() => {
        soil();
        const given = drawn(size, 1);
        assertNear(convolved(kernels(), given, window), plain(size, given));
      });
      return Promise.resolve();
    },
  );

  backendTest(backend, "a filter that saw no image has a gradient of zeros", () => {
    tf.tidy(() => {
      soil();
      const { x, dy, filter } = drawn({ x: [0, 9, 9, 256], output: 256, dilation: 1 }, 1);
      const gradient = kernels().conv2dFilterGradient(dy, x, filter.shape, windowOf(1));
      assert.ok(gradient.dataSync().every((value) => value === 0));
    });
    return Promise.resolve();
  });
}

backendTest("native", "several runs of tiles give what patches give", () => {
  // 588 tiles in two runs of 294, of which the second begins within the second image.
  const size: Sizes = { x: [3, 27, 27, 256], output: 256, dilation: 2 }, window = windowOf(2);
  const patches = heapConvolutions({ ...nativeProducts, fastPlanes: false });
  tf.tidy(() => {
    soil();
    const given = drawn(size, 1), { y, dx, dFilter } = convolved(patches, given, window);
    const values = (tensor: tf.Tensor) => tensor.dataSync() as Float32Array;
    assertNear(convolved(kernels(), given, window), {
      y: values(y),
      dx: values(dx),
      dFilter: values(dFilter),
    });
  });
  return Promise.resolve();
});

backendTest(
  "native",
  "where others must leave the heap for the planes, the same comes out, bit for bit",
  () => {
    const size: Sizes = { x: [1, 20, 20, 256], output: 256, dilation: 2 }, room = heapRoom();
    const values = () =>
      tf.tidy(() => {
        const others = [1, 2, 3, 4, 5].map((value) => tf.fill([1_000_000], value));
        const { y, dx, dFilter } = convolved(kernels(), drawn(size, 1), windowOf(size.dilation));
        const made = [y, dx, dFilter].map((tensor) => tensor.dataSync());
        assert.deepEqual(others.map((other) => other.dataSync()[7]), [1, 2, 3, 4, 5]);
        return made;
      });
    const expected = values(), { heap, out } = room.moved;
    try {
      room.limit({ ...HEAP_ALONE, heap: heap + 25e6, outside: () => 2 ** 30 });
      const little = values();
      assert.ok(room.moved.out > out + 10e6, `${room.moved.out - out} bytes left`);
      assert.deepEqual(little, expected);
    } finally {
      room.limit(limitsOf());
    }
    return Promise.resolve();
  },
);

Deno.test("hasTiles: 3x3 with stride 1 and an output of the input's size, from 256 channels on", () => {
  const image: Shape4D = [1, 17, 17, 256], filter: Shape4D = [3, 3, 256, 512], window = windowOf(2);
  assert.ok(hasTiles(image, filter, window));
  for (
    const other of [[3, 3, 255, 512], [3, 3, 256, 252], [3, 3, 258, 512], [1, 1, 256, 512], [3, 1, 256, 512]]
  ) {
    assert.ok(!hasTiles(image, other as Shape4D, window), `${other}`);
  }
  assert.ok(!hasTiles(image, filter, { ...window, stride: 2 }));
  assert.ok(!hasTiles(image, filter, { ...window, padding: 1 }));
  assert.ok(!hasTiles(image, filter, windowOf(0)));
});

Deno.test("hasTiles: not where most pixels of the tiles would lie outside of the image", () => {
  const tiles = (side: number, dilation: number) =>
    hasTiles([1, side, side, 256], [3, 3, 256, 256], windowOf(dilation));
  assert.ok(tiles(17, 4));
  assert.ok(!tiles(17, 12));
  assert.ok(!tiles(17, 24));
  assert.ok(!tiles(1, 1));
});
