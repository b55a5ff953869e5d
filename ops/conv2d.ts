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
  /** float32 [O], added to the result. */
  readonly bias?: tf.Tensor1D | undefined;
  /** Set for a leaky ReLU after the bias: negative values are multiplied by it. In [0, 1). */
  readonly leak?: number;
}

/**
 * Cross-correlation with gradients for any stride and dilation (tfjs has none for dilation > 1). If the
 * filter or the bias is a variable that is not trainable, its gradient is zeros without being computed. Kept
 * for the gradient: input and filter, and the result where it has a leak.
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
  const { bias, leak = 1 } = options;
  const fixed = isFixed(filter);
  const constant = options.constantInput === true && !comesOfVariables(x);
  const op = tf.customGrad((...args) => {
    const [input, weights] = args as unknown as [tf.Tensor4D, tf.Tensor4D];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const plain = kernels().conv2d(input, weights, window);
    const value = bias || leak !== 1 ? kernels().leakyRelu(plain, bias, leak) : plain;
    save([input, weights, ...(leak === 1 ? [] : [value])]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, w, y] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D?];
        const given = dy as tf.Tensor4D;
        const slope = y ? kernels().leakyReluGradient(given, y, leak) : given;
        return [
          constant ? tf.zerosLike(a) : kernels().conv2dInputGradient(slope, w, a.shape, window),
          fixed ? tf.zerosLike(w) : kernels().conv2dFilterGradient(slope, a, w.shape, window),
          ...(bias ? [isFixed(bias) ? tf.zerosLike(bias) : sumOfPixels(slope)] : []),
        ];
      },
    };
  });
  return op(x, filter, ...(bias ? [bias] : [])) as tf.Tensor4D;
}

/** Whether it is a variable that is not trainable, whose gradient nobody asks for. */
function isFixed(weights: tf.Tensor): boolean {
  return weights instanceof tf.Variable && !weights.trainable;
}

/** The sum over images and pixels, float32 [C]. */
function sumOfPixels(x: tf.Tensor4D): tf.Tensor1D {
  const channels = x.shape[3];
  return kernels().columnSums(tf.reshape(x, [x.size / Math.max(1, channels), channels]));
}
