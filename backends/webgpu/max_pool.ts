/**
 * Max-pooling composed of slices and comparisons, which stay on the device. The gradient goes through the
 * taps in row order: a tap that equals the maximum takes what is left of the window's gradient, so the first
 * of equal pixels gets all of it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { PoolWindow } from "../../ops/kernel_types.ts";
import { spread, tapPixels } from "../../ops/taps.ts";

/** The lowest float32, which padding is filled with. */
const LOWEST = -3.4028234663852886e38;

/** See {@linkcode Kernels.maxPool}. float32 [N, H, W, C] to [N, ...out, C] */
export function composedMaxPool(
  x: tf.Tensor4D,
  window: PoolWindow,
  out: readonly [number, number],
): tf.Tensor4D {
  return tf.tidy(() => taps(pad(x, window, out), window, out).reduce((a, b) => tf.maximum(a, b)));
}

/** Padding before and after a side; the last window may reach further than `padding`. */
function paddings(side: number, out: number, { size, stride, padding }: PoolWindow): [number, number] {
  return [padding, Math.max(0, (out - 1) * stride + size - padding - side)];
}

function pad(x: tf.Tensor4D, window: PoolWindow, out: readonly [number, number]): tf.Tensor4D {
  const [, height, width] = x.shape;
  const sides = [[0, 0], paddings(height, out[0], window), paddings(width, out[1], window), [0, 0]];
  return tf.pad(x, sides as [number, number][], LOWEST) as tf.Tensor4D;
}

/** What each tap of the window sees, in row order; [N, ...out, C] each. */
function taps(
  padded: tf.Tensor4D,
  { size, stride }: PoolWindow,
  out: readonly [number, number],
): tf.Tensor4D[] {
  return Array.from(
    { length: size * size },
    (_, k) => tapPixels(padded, [Math.floor(k / size), k % size], out, stride),
  );
}

/** See {@linkcode Kernels.maxPoolGradient}. */
export function composedMaxPoolGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D,
  window: PoolWindow,
): tf.Tensor4D {
  return tf.tidy(() => {
    const [n, height, width, channels] = x.shape;
    const out = [y.shape[1], y.shape[2]] as const;
    const padded = pad(x, window, out);
    let left: tf.Tensor = dy;
    let total: tf.Tensor | undefined;
    taps(padded, window, out).forEach((tap, k) => {
      const share = tf.mul(left, tf.cast(tf.equal(tap, y), "float32")) as tf.Tensor4D;
      left = tf.sub(left, share);
      const [row, column] = [Math.floor(k / window.size), k % window.size];
      const sparse = spread(share, window.stride);
      const placed = tf.pad(sparse, [
        [0, 0],
        [row, padded.shape[1] - row - sparse.shape[1]],
        [column, padded.shape[2] - column - sparse.shape[2]],
        [0, 0],
      ]);
      total = total === undefined ? placed : tf.add(total, placed);
    });
    const { padding } = window;
    return tf.slice(total as tf.Tensor4D, [0, padding, padding, 0], [n, height, width, channels]);
  });
}
