/** The kernels of `native` and TensorFlow against plain JavaScript: tfjs's CPU backend with the portable kernels. */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import assert from "node:assert/strict";
import { selectBackend } from "../../backends/select.ts";
import { batchNorm } from "../../ops/batch_norm.ts";
import { conv2d, type Conv2dOptions } from "../../ops/conv2d.ts";
import { conv2dTranspose } from "../../ops/conv2d_transpose.ts";
import { kernels } from "../../ops/kernels.ts";
import { maxPool } from "../../ops/max_pool.ts";
import { hasFewOutputs } from "../../backends/wasm/few_outputs.ts";
import { backendTest } from "../goldens.ts";
import { tensorflowTest } from "../tensorflow.ts";
import { agree as agreeOn, type Case } from "./agreement.ts";

const RUNS = { seed: 1, numRuns: 8 };

type Tested = "native" | "tensorflow";

/** Whose kernels the test that is running is about. */
let tested: Tested = "native";

function test(name: string, fn: () => Promise<void>): void {
  const on = (backend: Tested) => () => {
    tested = backend;
    return fn();
  };
  backendTest("native", name, on("native"));
  tensorflowTest(name, on("tensorflow"));
}

const agree = (one: Case) => agreeOn(tested, one);

const sides = fc.tuple(
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 13 }),
  fc.integer({ min: 1, max: 13 }),
);
const few = fc.tuple(fc.integer({ min: 16, max: 40 }), fc.integer({ min: 1, max: 4 }));
const many = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 6, max: 24 }));

interface Convolution {
  readonly image: readonly number[];
  readonly filter: readonly number[];
  readonly window: Conv2dOptions;
}

function convolution({ image, filter, window }: Convolution): Case {
  return {
    shapes: [image, filter],
    f: (x, w) => conv2d(x as tf.Tensor4D, w as tf.Tensor4D, window),
    gradients: true,
  };
}

interface Kernel {
  readonly what: string;
  readonly size: number;
  readonly channels: fc.Arbitrary<[number, number]>;
  readonly window: Required<Pick<Conv2dOptions, "stride" | "padding" | "dilation">>;
  /** Whether the kernels for few outputs are meant. */
  readonly few?: boolean;
}

const KERNELS: readonly Kernel[] = [
  { what: "pointwise, few outputs", size: 1, channels: few, window: { stride: 1, padding: 0, dilation: 1 } },
  { what: "pointwise", size: 1, channels: many, window: { stride: 1, padding: 0, dilation: 1 } },
  { what: "pointwise, stride 2", size: 1, channels: many, window: { stride: 2, padding: 0, dilation: 1 } },
  { what: "7x7, stride 2", size: 7, channels: many, window: { stride: 2, padding: 3, dilation: 1 } },
  { what: "3x3", size: 3, channels: many, window: { stride: 1, padding: 1, dilation: 1 } },
  { what: "3x3, stride 2", size: 3, channels: many, window: { stride: 2, padding: 1, dilation: 1 } },
  { what: "4x4, stride 2", size: 4, channels: many, window: { stride: 2, padding: 1, dilation: 1 } },
  { what: "6x6, stride 2", size: 6, channels: many, window: { stride: 2, padding: 2, dilation: 1 } },
  {
    what: "3x3, dilation 4, more outputs than TensorFlow's products lay out",
    size: 3,
    channels: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 65, max: 70 })),
    window: { stride: 1, padding: 4, dilation: 4 },
  },
  // Images of at most 13 pixels a side: from dilation 12 or 24 on, most taps see padding only.
  ...[2, 4, 6, 12, 24].flatMap((dilation) => [
    {
      what: `3x3, dilation ${dilation}, few outputs`,
      size: 3,
      channels: few,
      window: { stride: 1, padding: dilation, dilation },
      few: true,
    },
    {
      what: `3x3, dilation ${dilation}`,
      size: 3,
      channels: many,
      window: { stride: 1, padding: dilation, dilation },
    },
  ]),
];

for (const { what, size, channels, window, few = false } of KERNELS) {
  test(`convolution, ${what}, equals the portable one with its gradients`, async () => {
    // The smallest image that the window fits into.
    const least = Math.max(1, size - 2 * window.padding);
    const shapes = fc.tuple(sides, channels).map(([[n, ...image], [input, output]]) => ({
      image: [n, ...image.map((side) => Math.max(least, side)), input],
      filter: [size, size, input, output],
      window,
    }));
    await fc.assert(
      fc.asyncProperty(shapes, (shape) => {
        assert.equal(hasFewOutputs(shape.filter, window), few);
        return agree(convolution(shape));
      }),
      RUNS,
    );
  });
}

test("transposed convolutions equal the portable ones with their gradients", async () => {
  const windows = fc.constantFrom({ size: 4, padding: 1 }, { size: 4, padding: 2 }, { size: 6, padding: 2 });
  const check = ([[n, height, width], [output, input], { size, padding }]: [
    [number, number, number],
    [number, number],
    { size: number; padding: number },
  ]) =>
    agree({
      shapes: [[n, height + 1, width + 1, input], [size, size, output, input]],
      f: (x, w) => conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, { stride: 2, padding }),
      gradients: true,
    });
  await fc.assert(fc.asyncProperty(fc.tuple(sides, many, windows), check), RUNS);
});

test("convolutions with any padding, also wider than the image, equal plain sums with their gradients", async () => {
  interface Drawn {
    readonly sides: [number, number, number];
    readonly channels: [number, number];
    readonly size: number;
    readonly window: Kernel["window"];
  }
  const convolutions: fc.Arbitrary<Drawn> = fc.record({
    sides: fc.tuple(
      fc.integer({ min: 1, max: 2 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
    ),
    channels: fc.tuple(fc.integer({ min: 1, max: 18 }), fc.integer({ min: 1, max: 6 })),
    size: fc.integer({ min: 1, max: 3 }),
    window: fc.record({
      stride: fc.integer({ min: 1, max: 3 }),
      padding: fc.integer({ min: 0, max: 9 }),
      dilation: fc.integer({ min: 1, max: 4 }),
    }),
  }).filter(({ sides: [, height, width], size, window: { stride, padding, dilation } }) =>
    // tfjs has no others.
    (stride === 1 || dilation === 1) &&
    Math.min(height, width) + 2 * padding > dilation * (size - 1)
  );
  const check = ({ sides: [n, height, width], channels, size, window }: Drawn) =>
    agree(convolution({ image: [n, height, width, channels[0]], filter: [size, size, ...channels], window }));
  await fc.assert(fc.asyncProperty(convolutions, check), { ...RUNS, numRuns: 60 });
});

for (
  const { what, size, padding, dilation, dx, df } of [
    {
      what: "3x3, padding 5, dilation 3",
      size: 3,
      padding: 5,
      dilation: 3,
      dx: [4, 6, 4, 6, 9, 6, 4, 6, 4],
      df: [4, 6, 4, 6, 9, 6, 4, 6, 4],
    },
    { what: "1x1, padding 2, dilation 2", size: 1, padding: 2, dilation: 2, dx: Array(9).fill(1), df: [9] },
    {
      what: "3x3, padding 8, dilation 3",
      size: 3,
      padding: 8,
      dilation: 3,
      dx: Array(9).fill(9),
      df: Array(9).fill(9),
    },
  ]
) {
  test(`the gradients of a sum over ones: ${what}`, async () => {
    for (const backend of [tested, "cpu"] as const) {
      await selectBackend(backend);
      tf.tidy(() => {
        const window = { stride: 1, padding, dilation };
        const grads = tf.grads((x, w) => tf.sum(conv2d(x as tf.Tensor4D, w as tf.Tensor4D, window)));
        const made = grads([tf.ones([1, 3, 3, 1]), tf.ones([size, size, 1, 1])]);
        assert.deepEqual(made.map((tensor) => [...tensor.dataSync()]), [dx, df], backend);
      });
    }
  });
}

test(
  "a convolution whose patches come in several runs equals the portable one",
  async () => {
    const window = { stride: 1, padding: 1, dilation: 1 };
    await agree(convolution({ image: [2, 47, 53, 64], filter: [3, 3, 64, 33], window }));
  },
);

interface Normalised {
  readonly image: readonly [number, number, number, number];
  readonly parts: readonly number[];
  readonly relu: boolean;
  readonly residual: boolean;
  readonly given: boolean;
}

const normalised: fc.Arbitrary<Normalised> = fc.record({
  parts: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 3 }),
  // Of a handful of values, the deviation may come near 0 and enlarge rounding without bound.
  sides: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 })),
  channels: fc.integer({ min: 1, max: 21 }),
  relu: fc.boolean(),
  residual: fc.boolean(),
  given: fc.boolean(),
}).map(({ parts, sides: [height, width], channels, ...rest }) => ({
  image: [parts.reduce((a, b) => a + b), height, width, channels],
  parts,
  ...rest,
}));

test("batch norm with its residual and ReLU equals the portable one", async () => {
  const check = ({ image, parts, relu, residual, given }: Normalised) => {
    const channels = [image[3]];
    return agree({
      shapes: [image, channels, channels, channels, channels, ...residual ? [image] : []],
      f: (x, gamma, beta, mean, spread, added) =>
        batchNorm(x as tf.Tensor4D, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }, {
          epsilon: 1e-5,
          parts,
          relu,
          ...given
            ? { statistics: { mean: mean as tf.Tensor1D, variance: tf.square(spread!) as tf.Tensor1D } }
            : {},
          ...added ? { residual: added as tf.Tensor4D } : {},
        }),
      gradients: true,
    });
  };
  await fc.assert(fc.asyncProperty(normalised, check), { ...RUNS, numRuns: 25 });
});

test("max-pooling equals the portable one, equal values in a window included", async () => {
  const images = fc.tuple(sides, fc.integer({ min: 1, max: 9 }));
  await fc.assert(
    fc.asyncProperty(images, ([[n, height, width], channels]) =>
      agree({
        shapes: [[n, height, width, channels]],
        f: (x) => maxPool(tf.relu(x) as tf.Tensor4D, { size: 3, stride: 2, padding: 1 }),
        gradients: true,
      })),
    RUNS,
  );
});

for (const momentum of [0, 0.9]) {
  test(`an SGD step with momentum ${momentum} equals the portable one`, async () => {
    await agree({
      shapes: [[37], [37], [37]],
      f: (value, gradient, start) => {
        const variable = tf.variable(value!), buffer = tf.variable(start!);
        const numbers = { rate: 0.1, momentum, decay: 5e-4 };
        kernels().sgdStep({
          value: variable,
          gradient: gradient!,
          ...momentum ? { buffer } : {},
          ...numbers,
        });
        const result = tf.concat([variable, buffer]);
        tf.dispose([variable, buffer]);
        return result;
      },
      gradients: false,
    });
  });
}

test("a filter's gradient where windows see much more than there are outputs equals the portable one", async () => {
  for (const stride of [1, 2]) {
    const window = { stride, padding: 1, dilation: 1 };
    await agree(convolution({ image: [2, 9, 11, 40], filter: [3, 3, 40, 129], window }));
  }
});

for (const leak of [0.2, undefined]) {
  test(`a convolution with a bias and ${leak ? "a leaky" : "no"} ReLU equals the portable one`, async () => {
    await fc.assert(
      fc.asyncProperty(sides, fc.integer({ min: 1, max: 9 }), async ([n, height, width], channels) => {
        await agree({
          shapes: [[n, height + 3, width + 3, 3], [4, 4, 3, channels], [channels]],
          f: (x, w, bias) =>
            conv2d(x as tf.Tensor4D, w as tf.Tensor4D, {
              stride: 2,
              padding: 1,
              bias: bias as tf.Tensor1D,
              ...leak ? { leak } : {},
            }),
          gradients: true,
        });
      }),
      RUNS,
    );
  });
}

test("an SGD step leaves a copy of the weights as it was", async () => {
  const value = tf.variable(tf.tensor1d([1, 2, 3, 4, 5])), copy = tf.clone(value), gradient = tf.ones([5]);
  kernels().sgdStep({ value, gradient, rate: 1, momentum: 0, decay: 0 });
  assert.deepEqual([...await value.data()], [0, 1, 2, 3, 4]);
  assert.deepEqual([...await copy.data()], [1, 2, 3, 4, 5]);
  tf.dispose([value, copy, gradient]);
});

interface Factors {
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

const factors: fc.Arbitrary<Factors> = fc.record({
  batch: fc.integer({ min: 1, max: 4 }),
  rows: fc.integer({ min: 1, max: 40 }),
  inner: fc.integer({ min: 1, max: 40 }),
  columns: fc.integer({ min: 1, max: 40 }),
});

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    const turned = [transposeA ? "the first" : "", transposeB ? "the second" : ""].filter((part) => part);
    const how = `${turned.join(" and ") || "no"} factor transposed`;
    const f = (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, transposeA, transposeB);

    test(`batched matMul, ${how}, equals the portable one with its gradients`, async () => {
      const check = ({ batch, rows, inner, columns }: Factors) => {
        const a = transposeA ? [inner, rows] : [rows, inner];
        const b = transposeB ? [columns, inner] : [inner, columns];
        return agree({ shapes: [[batch, ...a], [batch, ...b]], f, gradients: true });
      };
      await fc.assert(fc.asyncProperty(factors, check), { ...RUNS, numRuns: 15 });
      // Large enough for certain to reach the replaced kernel, whose batch of one is another graph.
      await check({ batch: 3, rows: 33, inner: 29, columns: 31 });
      await check({ batch: 1, rows: 33, inner: 29, columns: 31 });
    });

    test(`matMul of one matrix with many, ${how}`, async () => {
      const a = transposeA ? [29, 33] : [33, 29], b = transposeB ? [31, 29] : [29, 31];
      // tfjs has no gradient for it, and for two unlike batches, [2, 1] and [1, 3], a wrong product but on `native`.
      await agree({ shapes: [[1, ...a], [3, ...b]], f, gradients: false });
      await agree({ shapes: [[3, ...a], [1, ...b]], f, gradients: false });
    });
  }
}
