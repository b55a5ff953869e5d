import * as tf from "@tensorflow/tfjs-core";
import { spread, tapPixels } from "./portable.ts";

const LOWEST = -3.4028234663852886e38;

/** The window of {@linkcode maxPool}, in pixels. */
export interface PoolWindow {
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

/**
 * Max-pooling with `ceil_mode`: the last window may hang over the edge. Where several pixels of a window are
 * equal, the first in row order takes the gradient, as in PyTorch (tfjs's gradient is wrong on WASM).
 * @param x float32 [N, H, W, C]
 */
export function maxPool(x: tf.Tensor4D, window: PoolWindow): tf.Tensor4D {
  const [, height, width] = x.shape;
  const out = [outputSide(height, window), outputSide(width, window)] as const;
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const value = tf.tidy(() =>
      taps(pad(input, window, out), window, out).reduce((a, b) => tf.maximum(a, b))
    );
    save([input, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradient(dy as tf.Tensor4D, saved as [tf.Tensor4D, tf.Tensor4D], window),
    };
  });
  return op(x) as tf.Tensor4D;
}

function outputSide(side: number, { size, stride, padding }: PoolWindow): number {
  const count = Math.ceil((side + 2 * padding - size) / stride) + 1;
  // A window that would start in the padding behind the image is left out.
  return (count - 1) * stride >= side + padding ? count - 1 : count;
}

function paddings(side: number, out: number, { size, stride, padding }: PoolWindow): [number, number] {
  return [padding, Math.max(0, (out - 1) * stride + size - padding - side)];
}

function pad(x: tf.Tensor4D, window: PoolWindow, out: readonly [number, number]): tf.Tensor4D {
  const [, height, width] = x.shape;
  const sides = [[0, 0], paddings(height, out[0], window), paddings(width, out[1], window), [0, 0]];
  return tf.pad(x, sides as [number, number][], LOWEST) as tf.Tensor4D;
}

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

function gradient(dy: tf.Tensor4D, saved: [tf.Tensor4D, tf.Tensor4D], window: PoolWindow): tf.Tensor4D {
  return tf.tidy(() => {
    const [x, y] = saved;
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
