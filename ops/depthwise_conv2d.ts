import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { Window } from "./kernel_types.ts";
import { kernels } from "./kernels.ts";
import { outputSide } from "./taps.ts";

/** How {@linkcode depthwiseConv2d} slides its filter; zeros are padded on all four sides. */
export interface DepthwiseOptions extends Partial<Window> {
  /** float32 [C], added in the same pass; gets a gradient. */
  readonly bias?: tf.Tensor1D;
}

/**
 * Cross-correlation of every channel with a filter of its own, with gradients for any stride and dilation. If
 * the filter is a variable that is not trainable, its gradient is zeros without being computed.
 * @param x float32 [N, H, W, C] @param filter float32 [h, w, C, 1]
 * @returns float32 [N, H', W', C], H' = floor((H + 2 padding - dilation (h - 1) - 1) / stride) + 1; no images
 * give no images
 * @throws UserError when no window fits into the image; Error when the channels differ
 */
export function depthwiseConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { stride = 1, padding = 0, dilation = 1, bias }: DepthwiseOptions = {},
): tf.Tensor4D {
  const window = { stride, padding, dilation };
  const [images, height, width, channels] = x.shape;
  if (filter.shape[2] !== channels || filter.shape[3] !== 1 || (bias && bias.size !== channels)) {
    throw new Error(
      `a depthwise convolution of [${x.shape}] has the filter [${filter.shape}]` +
        `${bias ? ` and the bias [${bias.shape}]` : ""}, expected ${channels} channels`,
    );
  }
  const out = [outputSide(height, filter.shape[0], window), outputSide(width, filter.shape[1], window)];
  if (Math.min(...out) < 1) {
    throw new UserError(
      `a depthwise convolution's window does not fit into ${height}x${width} pixels: expected larger maps`,
    );
  }
  if (x.size === 0) return tf.zeros([images, out[0]!, out[1]!, channels]);
  const fixed = filter instanceof tf.Variable && !filter.trainable;
  const op = tf.customGrad((...args) => {
    const [input, weights] = args as unknown as [tf.Tensor4D, tf.Tensor4D];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    save([input, weights]);
    return {
      value: kernels().depthwiseConv2d(input, weights, window, bias),
      gradFunc: (slope: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, w] = saved as [tf.Tensor4D, tf.Tensor4D], dy = slope as tf.Tensor4D;
        return [
          kernels().depthwiseInputGradient(dy, w, a.shape, window),
          fixed ? tf.zerosLike(w) : kernels().depthwiseFilterGradient(dy, a, w.shape, window),
          ...(bias ? [kernels().columnSums(tf.reshape(dy, [-1, channels]))] : []),
        ];
      },
    };
  });
  return op(x, filter, ...(bias ? [bias] : [])) as tf.Tensor4D;
}
