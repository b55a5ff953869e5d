/**
 * The operators of transformers on rows of channels (tokens or pixels), composed of tfjs operators: linear
 * map, layer normalisation, GELU, and their gradients.
 */
import * as tf from "@tensorflow/tfjs-core";
import type {
  LayerNormCall,
  LayerNormGradient,
  LayerNormGradientCall,
  LayerNormResult,
} from "./kernel_types.ts";

/** See {@linkcode Kernels.linear}. */
export function portableLinear(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
): tf.Tensor2D {
  return tf.tidy(() => {
    const product = tf.matMul(x, weight);
    return (bias ? tf.add(product, bias) : product) as tf.Tensor2D;
  });
}

/** See {@linkcode Kernels.columnSums}: a product with a row of ones, which is fast. */
export function portableColumnSums(x: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]));
}

/** See {@linkcode Kernels.layerNorm}. */
export function portableLayerNorm({ x, scale, offset, epsilon }: LayerNormCall): LayerNormResult {
  return tf.tidy(() => {
    const mean = tf.mean(x, 1, true);
    const centred = tf.sub(x, mean);
    const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
    const y = tf.add(tf.mul(tf.mul(centred, inverse), scale), offset) as tf.Tensor2D;
    return { y, mean: tf.reshape(mean, [x.shape[0]]), inverse: tf.reshape(inverse, [x.shape[0]]) };
  }) as unknown as LayerNormResult;
}

/** See {@linkcode Kernels.layerNormGradient}. */
export function portableLayerNormGradient(
  dy: tf.Tensor2D,
  { x, scale, mean, inverse }: LayerNormGradientCall,
): LayerNormGradient {
  return tf.tidy(() => {
    const factor = tf.expandDims(inverse, 1);
    const normal = tf.mul(tf.sub(x, tf.expandDims(mean, 1)), factor);
    const slope = tf.mul(dy, scale);
    const along = tf.mean(tf.mul(slope, normal), 1, true);
    const centred = tf.sub(tf.sub(slope, tf.mean(slope, 1, true)), tf.mul(normal, along));
    return {
      dx: tf.mul(centred, factor) as tf.Tensor2D,
      dScale: portableColumnSums(tf.mul(dy, normal) as tf.Tensor2D),
      dOffset: portableColumnSums(dy),
    };
  }) as unknown as LayerNormGradient;
}

/** exp(-x^2 / 2) / sqrt(2 pi) */
function density(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
}

/** Coefficients by rising power of t = 1 / (1 + SLOPE |x| / sqrt(2)). */
const POWERS = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429];
const SLOPE = 0.3275911;

/**
 * The probability that a standard normal number is below x, to 1e-7 (Abramowitz and Stegun 7.1.26). Below
 * zero the tail is computed directly: as 1 minus a number near 1 it would have no digits left.
 */
function share(x: tf.Tensor): tf.Tensor {
  const t = tf.reciprocal(tf.add(tf.mul(tf.abs(x), SLOPE / Math.SQRT2), 1));
  const polynomial = POWERS.reduceRight<tf.Tensor>(
    (sum, power) => tf.mul(tf.add(sum, power), t),
    tf.zerosLike(t),
  );
  const tail = tf.mul(tf.mul(polynomial, 0.5), tf.exp(tf.mul(tf.square(x), -0.5)));
  return tf.where(tf.less(x, 0), tail, tf.sub(1, tail));
}

/** See {@linkcode Kernels.gelu}. */
export function portableGelu(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(x, share(x)));
}

/** See {@linkcode Kernels.geluGradient}. */
export function portableGeluGradient(dy: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mul(dy, tf.add(share(x), tf.mul(x, density(x)))));
}
