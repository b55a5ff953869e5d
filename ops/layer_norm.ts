import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";

/** How {@linkcode layerNorm} works. */
export interface LayerNormOptions {
  /** float32 [C] */
  readonly scale: tf.Tensor1D;
  /** float32 [C] */
  readonly offset: tf.Tensor1D;
  /** Added to the variance. */
  readonly epsilon: number;
}

/**
 * scale (x - mean) / sqrt(variance + epsilon) + offset over the last axis, with the biased variance (Ba et
 * al. 2016). Kept for the gradient: `x`, scale, and two numbers for each position.
 * @param x float32 [..., C] of rank 2 or more: tokens [N, T, C] or maps [N, H, W, C]; empty gives empty
 * @returns like `x`
 * @throws Error when the channels of scale, offset and x differ
 */
export function layerNorm<T extends tf.Tensor>(x: T, { scale, offset, epsilon }: LayerNormOptions): T {
  const channels = x.shape.at(-1)!;
  if (scale.size !== channels || offset.size !== channels) {
    throw new Error(
      `a layer norm of [${x.shape}] has scale [${scale.shape}] and offset [${offset.shape}], expected [${channels}]`,
    );
  }
  if (x.size === 0) return tf.clone(x) as T;
  const rows = x.size / channels;
  const op = tf.customGrad((...args) => {
    const [input, factor, added, save] = args as unknown as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.GradSaveFunc,
    ];
    const flat = (tensor: tf.Tensor) => tf.reshape(tensor, [rows, channels]) as tf.Tensor2D;
    const { y, mean, inverse } = kernels().layerNorm({
      x: flat(input),
      scale: factor,
      offset: added,
      epsilon,
    });
    save([input, factor, mean, inverse]);
    return {
      value: tf.reshape(y, x.shape),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, g, m, i] = saved as [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
        const { dx, dScale, dOffset } = kernels().layerNormGradient(flat(dy), {
          x: flat(a),
          scale: g,
          mean: m,
          inverse: i,
        });
        return [tf.reshape(dx, x.shape), dScale, dOffset];
      },
    };
  });
  return op(x, scale, offset) as T;
}
