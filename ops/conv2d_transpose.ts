import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { Shape4D, Window } from "./kernel_types.ts";
import { kernels } from "./kernels.ts";

/**
 * Transposed convolution (PyTorch's `conv_transpose2d`), which enlarges maps. It is the gradient of a
 * convolution with respect to its input, used forward: every pixel of `x` paints the filter, times its value,
 * over the result. Its own gradients are that convolution, and the filter's gradient with the two maps
 * exchanged.
 * @param x float32 [N, H, W, I]
 * @param filter float32 [h, h, O, I], square: the filter of the convolution that leads from the result to `x`.
 * PyTorch's files keep it as [I, O, h, h].
 * @returns float32 [N, H', W', O], H' = (H - 1) stride - 2 padding + dilation (h - 1) + 1
 * @throws UserError when a side of the result would have no pixel
 */
export function conv2dTranspose(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  options: Partial<Window> = {},
): tf.Tensor4D {
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const window = { stride, padding, dilation };
  const [images, height, width] = x.shape;
  const side = (pixels: number, taps: number) =>
    (pixels - 1) * stride - 2 * padding + dilation * (taps - 1) + 1;
  const [taps, across, outputs] = filter.shape;
  const shape: Shape4D = [images, side(height, taps), side(width, across), outputs];
  if (Math.min(shape[1], shape[2]) < 1) {
    throw new UserError(
      `a transposed convolution makes ${shape[1]}x${
        shape[2]
      } pixels of ${height}x${width}: expected larger maps`,
    );
  }
  const op = tf.customGrad((...args) => {
    const [input, weights, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    save([input, weights]);
    return {
      value: kernels().conv2dInputGradient(input, weights, shape, window),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, w] = saved as [tf.Tensor4D, tf.Tensor4D];
        return [
          kernels().conv2d(dy as tf.Tensor4D, w, window),
          kernels().conv2dFilterGradient(a, dy as tf.Tensor4D, w.shape, window),
        ];
      },
    };
  });
  return op(x, filter) as tf.Tensor4D;
}
