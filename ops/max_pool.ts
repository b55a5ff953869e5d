import * as tf from "@tensorflow/tfjs-core";
import type { PoolWindow } from "./kernel_types.ts";
import { keepExactly } from "./kept.ts";
import { kernels } from "./kernels.ts";

/** Where the last window of a side may lie. */
export interface PoolEdge {
  /** Whether the last window may hang over the edge (PyTorch's `ceil_mode`). */
  readonly ceil: boolean;
}

/**
 * The largest pixel of every window, channel by channel. Where several pixels of a window are equally large,
 * the first in row order takes the gradient, as in PyTorch (tfjs's gradient is wrong on WASM).
 * @param x float32 [N, H, W, C]; no images give no images
 * @param edge absent: PyTorch's `ceil_mode`
 * @returns float32 [N, H', W', C], H' = floor((H + 2 padding - size) / stride) + 1; with `ceil` rounded up,
 * without a window that would lie in the padding altogether
 */
export function maxPool(
  x: tf.Tensor4D,
  window: PoolWindow,
  { ceil }: PoolEdge = { ceil: true },
): tf.Tensor4D {
  const [, height, width] = x.shape;
  const side = ceil ? outputSide : wholeSide;
  const out = [side(height, window), side(width, window)] as const;
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const value = kernels().maxPool(input, window, out);
    // The gradient looks for the first of the largest; rounded numbers are more often equal.
    keepExactly(input, value);
    save([input, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, y] = saved as [tf.Tensor4D, tf.Tensor4D];
        return kernels().maxPoolGradient(dy as tf.Tensor4D, a, y, window);
      },
    };
  });
  return op(x) as tf.Tensor4D;
}

/** The side of the result if the last window may hang over the edge. */
function outputSide(side: number, { size, stride, padding }: PoolWindow): number {
  const count = Math.ceil((side + 2 * padding - size) / stride) + 1;
  // A window that would start in the padding behind the image is left out.
  return (count - 1) * stride >= side + padding ? count - 1 : count;
}

/** The side of the result of whole windows only. */
function wholeSide(side: number, { size, stride, padding }: PoolWindow): number {
  return Math.floor((side + 2 * padding - size) / stride) + 1;
}
