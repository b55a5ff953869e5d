/** The kernels for every backend: convolution composed of tfjs operators, slow and right everywhere. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Window } from "./kernel_types.ts";
import { sortedLovasz } from "./lovasz_sort.ts";
import { scannedMaxPool, scannedMaxPoolGradient } from "./max_pool_scan.ts";
import { portableBatchNorm, portableBatchNormGradient } from "./portable_batch_norm.ts";
import { resizeByProducts, resizeGradientByProducts } from "./resize_products.ts";
import { portableSgdStep } from "./sgd_step.ts";
import { portableRows } from "./association/streaming/portable_rows.ts";

/** Puts `stride - 1` zeros between neighbouring pixels: side n becomes (n - 1) * stride + 1. */
export function spread(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return tf.clone(x);
  return tf.tidy(() => {
    const [n, h, w, c] = x.shape;
    const rows = tf.pad(tf.reshape(x, [n * h, 1, w * c]), [[0, 0], [0, stride - 1], [0, 0]]);
    const cells = tf.pad(tf.reshape(rows, [n * h * stride * w, 1, c]), [[0, 0], [0, stride - 1], [0, 0]]);
    const whole = tf.reshape(cells, [n, h * stride, w * stride, c]) as tf.Tensor4D;
    return tf.slice(whole, [0, 0, 0, 0], [n, (h - 1) * stride + 1, (w - 1) * stride + 1, c]);
  });
}

/** The pixels that tap (row, column) of a window sees, one per output pixel. `x` is padded already. */
export function tapPixels(
  x: tf.Tensor4D,
  at: readonly [number, number],
  out: readonly [number, number],
  stride: number,
) {
  const [n, , , c] = x.shape;
  const [row, column] = at;
  const end = [n, row + (out[0] - 1) * stride + 1, column + (out[1] - 1) * stride + 1, c];
  if (stride === 1) return tf.slice(x, [0, row, column, 0], [n, out[0], out[1], c]);
  return tf.stridedSlice(x, [0, row, column, 0], end, [1, stride, stride, 1]) as tf.Tensor4D;
}

function conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, { stride, padding, dilation }: Window): tf.Tensor4D {
  return tf.conv2d(x, filter, stride, padding, "NHWC", dilation);
}

const conv2dInputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    const { stride, padding, dilation } = window;
    const sparse = spread(dy, stride);
    const sides = [0, 1].map((axis) => {
      const before = dilation * (filter.shape[axis]! - 1) - padding;
      return [before, xShape[axis + 1]! - sparse.shape[axis + 1]! + padding] as [number, number];
    });
    const around = sides.map((side) => side.map((pixels) => Math.max(0, pixels)) as [number, number]);
    const whole = tf.pad(sparse, [[0, 0], around[0]!, around[1]!, [0, 0]]);
    // Output pixels that saw padding only are cut off.
    const padded = tf.slice(whole, [0, ...sides.map(([before]) => Math.max(0, -before)), 0], [
      xShape[0],
      ...[0, 1].map((axis) => xShape[axis + 1]! + dilation * (filter.shape[axis]! - 1)),
      dy.shape[3],
    ]);
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
    return tf.conv2d(padded as tf.Tensor4D, turned, 1, 0, "NHWC", dilation);
  });

const conv2dFilterGradient: Kernels["conv2dFilterGradient"] = (dy, x, filterShape, window) =>
  tf.tidy(() => {
    const { stride, padding: p, dilation } = window;
    const [height, width, input, output] = filterShape;
    const [n, h, w] = dy.shape;
    const padded = p === 0 ? x : tf.pad(x, [[0, 0], [p, p], [p, p], [0, 0]]) as tf.Tensor4D;
    const flat = tf.reshape(dy, [n * h * w, output]) as tf.Tensor2D;
    const taps: tf.Tensor2D[] = [];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        taps.push(tf.tidy(() => {
          const pixels = tapPixels(padded, [row * dilation, column * dilation], [h, w], stride);
          return tf.matMul(tf.reshape(pixels, [n * h * w, input]) as tf.Tensor2D, flat, true, false);
        }));
      }
    }
    return tf.reshape(tf.stack(taps), filterShape) as tf.Tensor4D;
  });

/** Kernels for every backend. */
export const portable: Kernels = {
  conv2d,
  conv2dInputGradient,
  conv2dFilterGradient,
  maxPool: scannedMaxPool,
  maxPoolGradient: scannedMaxPoolGradient,
  resizeBilinear: resizeByProducts,
  resizeBilinearGradient: resizeGradientByProducts,
  batchNorm: portableBatchNorm,
  batchNormGradient: portableBatchNormGradient,
  sgdStep: portableSgdStep,
  lovasz: sortedLovasz,
  rows: portableRows,
  deviceRows: undefined,
};
