import * as tf from "@tensorflow/tfjs-core";

/**
 * How differently two classifiers see each pixel (Luo et al. 2019): 1 - cos(p1, p2) of their probabilities; 0
 * where they agree, 1 where each is sure of a different class.
 * @param first logits float32 [N, H, W, K] @param second the same shape @returns float32 [N, H, W] in [0, 1]
 */
export function discrepancyMap(first: tf.Tensor4D, second: tf.Tensor4D): tf.Tensor3D {
  const [p, q] = [tf.softmax(first), tf.softmax(second)];
  return tf.sub(1, cosineOf(p, q)) as tf.Tensor3D;
}

/**
 * The cosine of the angle between vectors along the last axis, which the result lacks; NaN for a zero vector.
 */
export function cosineOf(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const length = (x: tf.Tensor) => tf.sqrt(tf.sum(tf.square(x), -1));
  return tf.div(tf.sum(tf.mul(a, b), -1), tf.mul(length(a), length(b)));
}
