/**
 * Normalisations that use each image's own statistics, in training and evaluation alike. They keep no running
 * statistics, so what an image becomes does not depend on the other images of its batch. The networks of DISE
 * use them (ops/layers).
 */
import * as tf from "@tensorflow/tfjs-core";
import { batchNorm } from "./batch_norm.ts";

const EPSILON = 1e-5;

/**
 * (x - mean) / sqrt(variance + 1e-5), mean and biased variance being those of each channel of each image;
 * without learned factors (Ulyanov et al. 2016). Then max(y, 0) if `relu`.
 * @param x float32 [N, H, W, C], N at least 1 @returns the same shape
 */
export function instanceNorm(x: tf.Tensor4D, { relu = false } = {}): tf.Tensor4D {
  const [images, , , channels] = x.shape;
  const affine = { gamma: tf.ones([channels]) as tf.Tensor1D, beta: tf.zeros([channels]) as tf.Tensor1D };
  // Every image is a part of the batch with statistics of its own.
  return batchNorm(x, affine, { epsilon: EPSILON, parts: Array<number>(images).fill(1), relu });
}

/**
 * gamma (x - mean) / (deviation + 1e-5) + beta: mean and *unbiased* deviation are of all values of an image
 * together, gamma and beta are one number per channel. An image whose values are all equal becomes beta.
 * @param x float32 [N, H, W, C] @param affine gamma and beta, float32 [C] @returns the same shape
 */
export function imageLayerNorm(
  x: tf.Tensor4D,
  { gamma, beta }: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D },
): tf.Tensor4D {
  const others = Math.max(1, x.size / x.shape[0] - 1);
  const op = tf.customGrad((...args) => {
    const [input, factor, added, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.GradSaveFunc,
    ];
    const { centred, deviation } = centre(input, others);
    const normal = tf.div(centred, tf.add(deviation, EPSILON));
    save([normal, factor, deviation]);
    return {
      value: tf.add(tf.mul(normal, factor), added),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [y, g, s] = saved as [tf.Tensor4D, tf.Tensor1D, tf.Tensor4D];
        const slope = tf.mul(dy, g);
        // The deviation's own gradient: d s / d x = (x - mean) / (others s).
        const along = tf.sum(tf.mul(slope, y), [1, 2, 3], true);
        const spread = tf.div(tf.mul(along, tf.add(s, EPSILON)), tf.mul(tf.maximum(s, 1e-20), others));
        const dx = tf.sub(tf.sub(slope, tf.mean(slope, [1, 2, 3], true)), tf.mul(y, spread));
        return [
          tf.div(dx, tf.add(s, EPSILON)),
          tf.sum(tf.mul(dy, y), [0, 1, 2]),
          tf.sum(dy, [0, 1, 2]),
        ];
      },
    };
  });
  return op(x, gamma, beta) as tf.Tensor4D;
}

/**
 * x minus its mean, and the deviation [N, 1, 1, 1]. @param others the divisor of the squares: one less than
 * the values
 */
function centre(x: tf.Tensor4D, others: number) {
  const centred = tf.sub(x, tf.mean(x, [1, 2, 3], true));
  const deviation = tf.sqrt(tf.div(tf.sum(tf.square(centred), [1, 2, 3], true), others));
  return { centred, deviation };
}
