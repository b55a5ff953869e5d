import * as tf from "@tensorflow/tfjs-core";
import { comesOfVariables } from "./gradients.ts";
import type { Window } from "./kernel_types.ts";
import { kernels } from "./kernels.ts";

/** How {@linkcode conv2d} slides its filter; zeros are padded on all four sides. */
export interface Conv2dOptions extends Partial<Window> {
  /**
   * Set for a network's first layer: the input is data, and its gradient, a large product, is zeros without
   * being computed. If the input does depend on a trainable variable (a translated image), this has no
   * effect.
   */
  readonly constantInput?: boolean;
}

/**
 * Cross-correlation with gradients for any stride and dilation (tfjs has none for dilation > 1). If the
 * filter is a variable that is not trainable, its gradient is zeros without being computed. Kept for the
 * gradient: input and filter.
 * @param x float32 [N, H, W, I] @param filter float32 [h, h, I, O]: square, because kernels know one side only
 * @returns float32 [N, H', W', O], H' = floor((H + 2 padding - dilation (h - 1) - 1) / stride) + 1; no images
 * give no images
 */
export function conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, options: Conv2dOptions = {}): tf.Tensor4D {
  const window = {
    stride: options.stride ?? 1,
    padding: options.padding ?? 0,
    dilation: options.dilation ?? 1,
  };
  const fixed = filter instanceof tf.Variable && !filter.trainable;
  const constant = options.constantInput === true && !comesOfVariables(x);
  const op = tf.customGrad((...args) => {
    const [input, weights, save] = args as unknown as [tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    save([input, weights]);
    return {
      value: kernels().conv2d(input, weights, window),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, w] = saved as [tf.Tensor4D, tf.Tensor4D];
        return [
          constant ? tf.zerosLike(a) : kernels().conv2dInputGradient(dy as tf.Tensor4D, w, a.shape, window),
          fixed ? tf.zerosLike(w) : kernels().conv2dFilterGradient(dy as tf.Tensor4D, a, w.shape, window),
        ];
      },
    };
  });
  return op(x, filter) as tf.Tensor4D;
}
