/** The operators of transformers, with the kernels of every processor backend, against plain JavaScript with the portable kernels. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { attention } from "../../ops/attention.ts";
import { depthwiseConv2d } from "../../ops/depthwise_conv2d.ts";
import { gelu } from "../../ops/gelu.ts";
import type { Window } from "../../ops/kernel_types.ts";
import { layerNorm } from "../../ops/layer_norm.ts";
import { linear } from "../../ops/linear.ts";
import { backendTest } from "../goldens.ts";
import { tensorflowTest } from "../tensorflow.ts";
import { agree, type Case } from "./agreement.ts";

const RUNS = { seed: 1, numRuns: 12 };

function test(name: string, fn: (check: (one: Case) => Promise<void>) => Promise<void>): void {
  for (const backend of ["native", "wasm"] as const) {
    backendTest(backend, name, () => fn((one) => agree(backend, one)));
  }
  tensorflowTest(name, () => fn((one) => agree("tensorflow", one)));
}

const small = fc.integer({ min: 1, max: 3 });
const tokens = fc.integer({ min: 1, max: 70 });

test("layer norm equals the portable one with its gradients", async (check) => {
  // Of a handful of channels, the deviation may come near 0 and enlarge rounding without bound.
  const shapes = fc.tuple(small, tokens, fc.integer({ min: 8, max: 41 }));
  await fc.assert(
    fc.asyncProperty(shapes, ([n, count, channels]) =>
      check({
        shapes: [[n, count, channels], [channels], [channels]],
        f: (x, scale, offset) =>
          layerNorm(x!, { scale: scale as tf.Tensor1D, offset: offset as tf.Tensor1D, epsilon: 1e-6 }),
        gradients: true,
      })),
    RUNS,
  );
});

test("GELU equals the portable one with its gradient, also of more numbers than are worked on at once", async (check) => {
  for (const shape of [[1], [2, 3], [5, 7, 9], [2, 3, 4, 13], [2 ** 18 + 3]]) {
    await check({ shapes: [shape], f: (x) => gelu(tf.mul(x!, 2)), gradients: true });
  }
});

test("linear maps equal the portable ones with their gradients, with and without a bias", async (check) => {
  const shapes = fc.tuple(small, tokens, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }));
  await fc.assert(
    fc.asyncProperty(shapes, fc.boolean(), ([n, count, input, output], biased) =>
      check({
        shapes: [[n, count, input], [input, output], ...(biased ? [[output]] : [])],
        f: (x, weight, bias) =>
          linear(x!, { weight: weight as tf.Tensor2D, ...(bias ? { bias: bias as tf.Tensor1D } : {}) }),
        gradients: true,
      })),
    RUNS,
  );
});

interface Depthwise {
  readonly sides: readonly [number, number, number];
  readonly channels: number;
  readonly size: number;
  readonly window: Window;
  readonly biased: boolean;
}

const depthwise: fc.Arbitrary<Depthwise> = fc.record({
  sides: fc.tuple(small, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 40 })),
  channels: fc.integer({ min: 1, max: 11 }),
  // 3x3 has kernels of its own.
  size: fc.constantFrom(3, 3, 1, 2, 4, 5),
  window: fc.record({
    stride: fc.integer({ min: 1, max: 3 }),
    padding: fc.integer({ min: 0, max: 9 }),
    dilation: fc.constantFrom(1, 1, 2, 6, 12),
  }),
  biased: fc.boolean(),
}).filter(({ sides: [, height, width], size, window: { padding, dilation } }) =>
  Math.min(height, width) + 2 * padding > dilation * (size - 1)
);

test("depthwise convolutions equal the portable ones with their gradients", async (check) => {
  await fc.assert(
    fc.asyncProperty(depthwise, ({ sides, channels, size, window, biased }) =>
      check({
        shapes: [[...sides, channels], [size, size, channels, 1], ...(biased ? [[channels]] : [])],
        f: (x, filter, bias) =>
          depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, {
            ...window,
            ...(bias ? { bias: bias as tf.Tensor1D } : {}),
          }),
        gradients: true,
      })),
    { ...RUNS, numRuns: 60 },
  );
});

interface Attention {
  readonly images: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly width: number;
}

function attending({ images, queries, keys, heads, width }: Attention): Case {
  const other = [images, keys, heads * width];
  return {
    shapes: [[images, queries, heads * width], other, other],
    f: (query, key, value) =>
      attention({
        query: query as tf.Tensor3D,
        key: key as tf.Tensor3D,
        value: value as tf.Tensor3D,
        heads,
      }),
    gradients: true,
  };
}

test("attention equals the portable one with its gradients", async (check) => {
  const shapes = fc.record({
    images: small,
    queries: tokens,
    keys: tokens,
    heads: fc.integer({ min: 1, max: 5 }),
    width: fc.integer({ min: 1, max: 9 }),
  });
  await fc.assert(fc.asyncProperty(shapes, (shape) => check(attending(shape))), RUNS);
});

test("attention in several blocks, of queries or of heads, equals that in one", async (check) => {
  // A block of native and wasm has 131,072 scores, one of the others 2,097,152.
  await check(attending({ images: 1, queries: 1601, keys: 307, heads: 2, width: 3 }));
  await check(attending({ images: 3, queries: 181, keys: 211, heads: 3, width: 2 }));
  await check(attending({ images: 1, queries: 1601, keys: 1401, heads: 1, width: 2 }));
});
