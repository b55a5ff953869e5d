/**
 * Max-pooling in plain TypeScript, for backends whose tensors can be read at once: the definition that faster
 * kernels are tested against.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { PoolWindow } from "./kernel_types.ts";

/** See {@linkcode Kernels.maxPool}. float32 [N, H, W, C] to [N, ...out, C] */
export function scannedMaxPool(
  x: tf.Tensor4D,
  window: PoolWindow,
  out: readonly [number, number],
): tf.Tensor4D {
  const channels = x.shape[3];
  const from = x.dataSync() as Float32Array;
  const to = new Float32Array(x.shape[0] * out[0] * out[1] * channels).fill(-Infinity);
  forEachTap(x.shape, out, window, (source, target) => {
    for (let c = 0; c < channels; c++) {
      if (from[source + c]! > to[target + c]!) to[target + c] = from[source + c]!;
    }
  });
  return tf.tensor4d(to, [x.shape[0], out[0], out[1], channels]);
}

/**
 * See {@linkcode Kernels.maxPoolGradient}. The first pixel of a window that equals its maximum takes the
 * gradient.
 */
export function scannedMaxPoolGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D,
  window: PoolWindow,
): tf.Tensor4D {
  const channels = x.shape[3];
  const from = x.dataSync() as Float32Array, top = y.dataSync() as Float32Array;
  // A window's gradient is cleared once it is given away.
  const left = dy.dataSync().slice() as Float32Array;
  const to = new Float32Array(from.length);
  forEachTap(x.shape, [y.shape[1], y.shape[2]], window, (source, target) => {
    for (let c = 0; c < channels; c++) {
      if (from[source + c]! === top[target + c]!) {
        to[source + c]! += left[target + c]!;
        left[target + c] = 0;
      }
    }
  });
  return tf.tensor4d(to, x.shape);
}

/**
 * Visits every pixel of every window in row order, with the place of its first channel and that of its output
 * pixel.
 */
function forEachTap(
  [n, height, width, channels]: [number, number, number, number],
  out: readonly [number, number],
  { size, stride, padding }: PoolWindow,
  visit: (source: number, target: number) => void,
): void {
  for (let image = 0; image < n; image++) {
    for (let r = 0; r < out[0]; r++) {
      const top = Math.max(0, r * stride - padding), bottom = Math.min(height, r * stride - padding + size);
      for (let c = 0; c < out[1]; c++) {
        const start = Math.max(0, c * stride - padding), end = Math.min(width, c * stride - padding + size);
        const target = ((image * out[0] + r) * out[1] + c) * channels;
        for (let row = top; row < bottom; row++) {
          for (let column = start; column < end; column++) {
            visit(((image * height + row) * width + column) * channels, target);
          }
        }
      }
    }
  }
}
