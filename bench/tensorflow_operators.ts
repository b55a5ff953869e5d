/**
 * TensorFlow's own operators beside ours, both computed by TensorFlow. backends/tensorflow uses the faster of
 * each pair. `deno task bench tensorflow` runs this by tensorflow_child.ts.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { NormCall, PoolWindow, Shape4D, Window } from "../ops/kernel_types.ts";
import { portable } from "../ops/portable.ts";
import { resizeByProducts, resizeGradientByProducts } from "../ops/resize_products.ts";
import { fusedBatchNorm, fusedBatchNormGradient } from "../backends/tensorflow/batch_norm.ts";
import { convolve, filterGradient, inputGradient } from "../backends/tensorflow/convolutions.ts";
import { hasFarTaps, shiftedFilterGradient, shiftedInputGradient } from "../backends/tensorflow/dilated.ts";
import { pool, poolGradient } from "../backends/tensorflow/max_pool.ts";
import { resize, resizeGradient } from "../backends/tensorflow/resize.ts";
import { median } from "./statistics.ts";

const CLASSES = 19;

/** Two ways to the same result. */
interface Pair {
  readonly what: string;
  /** How TensorFlow does it. */
  readonly theirs: readonly [how: string, work: () => unknown];
  /** How we do. */
  readonly ours: readonly [how: string, work: () => unknown];
  readonly kept: "TensorFlow's" | "ours";
}

/** One pair, measured. */
export interface Compared {
  readonly what: string;
  readonly theirs: string;
  readonly ours: string;
  /** Milliseconds, a round each. */
  readonly times: { readonly theirs: readonly number[]; readonly ours: readonly number[] };
  readonly kept: Pair["kept"];
}

function normals(shape: Shape4D, seed: number): tf.Tensor4D {
  return tf.randomNormal(shape, 0, 1, "float32", seed);
}

/** As TensorFlow's Python dilates: images are dealt out to blocks that a plain convolution sees. */
function dealtOutFilterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  { filter, window: { padding, dilation: d } }: { filter: Shape4D; window: Window },
): tf.Tensor4D {
  const whole = [1, 2].map((axis) => Math.ceil(dy.shape[axis]! / d) * d);
  const ends = whole.map((side, k) => side + d * (filter[k]! - 1) - padding - x.shape[k + 1]!);
  const kept = x.shape.map((side, axis) =>
    axis === 1 || axis === 2 ? side + Math.min(0, ends[axis - 1]!) : side
  );
  const deal = (image: tf.Tensor4D, sides: number[][]) =>
    tf.spaceToBatchND(image, [d, d], sides) as tf.Tensor4D;
  const seen = deal(
    tf.slice(x, [0, 0, 0, 0], kept as Shape4D),
    ends.map((end) => [padding, Math.max(0, end)]),
  );
  const given = deal(dy, whole.map((side, k) => [0, side - dy.shape[k + 1]!]));
  return filterGradient(given, seen, filter, { stride: 1, padding: 0, dilation: 1 });
}

function convolutions(
  name: string,
  image: Shape4D,
  { filter, window }: { filter: Shape4D; window: Window },
): Pair[] {
  const x = normals(image, 1), w = normals(filter, 2), y = convolve(x, w, window), dy = normals(y.shape, 3);
  y.dispose();
  const inner = () => portable.conv2dInputGradient(dy, w, image, window);
  const taps = () => portable.conv2dFilterGradient(dy, x, filter, window);
  if (window.dilation === 1) {
    return [
      {
        what: `${name}, gradient of the input`,
        theirs: ["Conv2DBackpropInput", () => inputGradient(dy, w, image, window)],
        ours: ["convolution of the padded gradient", inner],
        kept: "TensorFlow's",
      },
      {
        what: `${name}, gradient of the filter`,
        theirs: ["Conv2DBackpropFilter", () => filterGradient(dy, x, filter, window)],
        ours: ["a product for each tap", taps],
        kept: "TensorFlow's",
      },
    ];
  }
  const dealt = () => dealtOutFilterGradient(dy, x, { filter, window });
  const few = filter[3] <= 64;
  return [
    ...few
      ? [{
        what: `${name}, gradient of the input`,
        theirs: ["Conv2D of the padded gradient", inner] as const,
        ours: ["one product for all taps", () => shiftedInputGradient(dy, w, image, window)] as const,
        kept: hasFarTaps(image, filter, window) ? "ours" as const : "TensorFlow's" as const,
      }]
      : [],
    {
      what: `${name}, gradient of the filter`,
      theirs: ["SpaceToBatchND, Conv2DBackpropFilter", dealt],
      ours: few
        ? ["one product for all taps", () => shiftedFilterGradient(dy, x, filter, window)]
        : ["a product for each tap", taps],
      kept: "ours",
    },
  ];
}

function pooling(): Pair[] {
  const window: PoolWindow = { size: 3, stride: 2, padding: 1 }, out = [37, 37] as const;
  const x = normals([4, 72, 72, 64], 1), y = pool(x, window, out), dy = normals(y.shape, 2);
  return [
    {
      what: "max-pooling 3x3, stride 2, 4x72x72x64",
      theirs: ["MaxPool", () => pool(x, window, out)],
      ours: ["in TypeScript", () => portable.maxPool(x, window, out)],
      kept: "TensorFlow's",
    },
    {
      what: "its gradient",
      theirs: ["MaxPoolGrad", () => poolGradient(dy, x, y, window)],
      ours: ["in TypeScript", () => portable.maxPoolGradient(dy, x, y, window)],
      kept: "ours",
    },
  ];
}

function normalisation(): Pair[] {
  const x = normals([4, 33, 33, 256], 1), residual = normals(x.shape, 2), dy = normals(x.shape, 3);
  const gamma = tf.randomNormal([256], 0, 1, "float32", 4) as tf.Tensor1D;
  const call: NormCall = { x, gamma, beta: gamma, residual, relu: true, epsilon: 1e-5, parts: [2, 2] };
  const { y, statistics } = fusedBatchNorm(call);
  const gradient = { x, y, gamma, epsilon: 1e-5, parts: [2, 2], statistics, given: false, residual: true };
  return [
    {
      what: "batch norm with residual and ReLU, 4x33x33x256",
      theirs: ["FusedBatchNormV3", () => fusedBatchNorm(call)],
      ours: ["composed", () => portable.batchNorm(call)],
      kept: "TensorFlow's",
    },
    {
      what: "its gradient",
      theirs: ["FusedBatchNormGradV3", () => fusedBatchNormGradient(dy, gradient)],
      ours: ["composed", () => portable.batchNormGradient(dy, gradient)],
      kept: "TensorFlow's",
    },
  ];
}

function resizing(): Pair[] {
  return ([[4, 19, 144], [2, 92, 730]] as const).flatMap(([images, from, to]) => {
    const x = normals([images, from, from, CLASSES], 1), dy = normals([images, to, to, CLASSES], 2);
    return [
      {
        what: `bilinear resize of ${images} x ${CLASSES} classes, ${from}x${from} to ${to}x${to}`,
        theirs: ["ResizeBilinear", () => resize(x, [to, to])],
        ours: ["two products", () => resizeByProducts(x, [to, to])],
        kept: "TensorFlow's",
      },
      {
        what: "its gradient",
        theirs: ["ResizeBilinearGrad", () => resizeGradient(dy, x.shape)],
        ours: ["two products", () => resizeGradientByProducts(dy, x.shape)],
        kept: "TensorFlow's",
      },
    ];
  });
}

function sorting(): Pair[] {
  const pixels = 4 * 144 * 144, classes = CLASSES;
  const p = tf.softmax(tf.randomNormal([pixels, classes], 0, 1, "float32", 1)) as tf.Tensor2D;
  const labels = tf.tensor1d(Int32Array.from({ length: pixels }, (_, k) => (k * 7) % 23), "int32");
  const errors = tf.transpose(p);
  return [{
    what: `Lovasz, ${pixels} pixels, ${classes} classes`,
    theirs: ["TopKV2 of all errors alone", () => tf.topk(errors, pixels, true)],
    ours: ["radix sort in TypeScript, loss and gradient", () => portable.lovasz(p, labels)],
    kept: "ours",
  }];
}

/** Every pair in turn, `rounds` times after a first one; the current backend must be TensorFlow. */
export function compareOperators(rounds: number): Compared[] {
  const plain = (stride: number, padding: number): Window => ({ stride, padding, dilation: 1 });
  const dilated = (dilation: number): Window => ({ stride: 1, padding: dilation, dilation });
  const pairs = [
    ...convolutions("7x7, stride 2, 4x129x129x3 to 64", [4, 129, 129, 3], {
      filter: [7, 7, 3, 64],
      window: plain(2, 3),
    }),
    ...convolutions("1x1, 4x33x33x256 to 64", [4, 33, 33, 256], {
      filter: [1, 1, 256, 64],
      window: plain(1, 0),
    }),
    ...convolutions("3x3, 4x33x33x64 to 64", [4, 33, 33, 64], {
      filter: [3, 3, 64, 64],
      window: plain(1, 1),
    }),
    ...convolutions("3x3, dilation 4, 4x17x17x512 to 512", [4, 17, 17, 512], {
      filter: [3, 3, 512, 512],
      window: dilated(4),
    }),
    ...convolutions("3x3, dilation 6, 4x17x17x2048 to 19", [4, 17, 17, 2048], {
      filter: [3, 3, 2048, 19],
      window: dilated(6),
    }),
    ...convolutions("3x3, dilation 24, 4x17x17x2048 to 19", [4, 17, 17, 2048], {
      filter: [3, 3, 2048, 19],
      window: dilated(24),
    }),
    ...pooling(),
    ...normalisation(),
    ...resizing(),
    ...sorting(),
  ];
  return pairs.map(({ what, theirs, ours, kept }) => {
    const times = { theirs: [] as number[], ours: [] as number[] };
    for (let round = 0; round <= rounds; round++) {
      for (const [key, work] of [["theirs", theirs[1]], ["ours", ours[1]]] as const) {
        const started = performance.now();
        tf.tidy(() => void work());
        if (round > 0) times[key].push(performance.now() - started);
      }
    }
    return { what, theirs: theirs[0], ours: ours[0], times, kept };
  });
}

/** Theirs over ours, the median over rounds. */
export function ratioOf({ times }: Compared): number {
  return median(times.theirs.map((time, k) => time / times.ours[k]!));
}
