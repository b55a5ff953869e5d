import * as tf from "@tensorflow/tfjs-core";

/**
 * The mean over pixels of -sum p log p / log K, p = softmax(logits): how undecided predictions are, as a
 * share of the most they could be (Vu et al. 2019). K = 1 gives 0 with a gradient of zeros.
 * @param logits float32 [N, h, w, K], at least one pixel @returns in [0, 1]
 */
export function normalisedEntropy(logits: tf.Tensor4D): tf.Scalar {
  const logs = tf.logSoftmax(logits);
  const perPixel = tf.sum(tf.mul(tf.exp(logs), logs), 3);
  const classes = logs.shape[3];
  return tf.div(tf.mean(perPixel), classes === 1 ? 1 : -Math.log(classes)) as tf.Scalar;
}

/**
 * The part of every class in the entropy, -p log p / log K, p = softmax(logits) (Vu et al. 2019); the sum
 * over classes is the pixel's normalised entropy.
 * @param logits float32 [N, h, w, K], K at least 2 (K = 1 gives NaN) @returns the same shape
 */
export function selfInformation(logits: tf.Tensor4D): tf.Tensor4D {
  const logs = tf.logSoftmax(logits);
  return tf.div(tf.mul(tf.exp(logs), logs), -Math.log(logs.shape[3]!)) as tf.Tensor4D;
}
