import * as tf from "@tensorflow/tfjs-core";

/**
 * The mean over pixels of gamma u (Kang et al. 2020, Eq. 13), where u = -1/K sum log softmax(logits) says how
 * sure a pixel is: log K when all classes are alike, larger the more one class wins. gamma = u / lambda - 1
 * carries no gradient: above lambda the pixel is smoothed, below it sharpened. A pixel's value is negative
 * while u is below lambda.
 * @param logits float32 [N, H, W, K], at least one pixel
 */
export function adaptiveLabelSmoothing(logits: tf.Tensor4D, lambda: number): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const logs = tf.logSoftmax(input);
    const u = tf.neg(tf.mean(logs, 3, true));
    const gamma = tf.sub(tf.div(u, lambda), 1);
    save([logs, gamma]);
    return {
      value: tf.mean(tf.mul(gamma, u)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logP, factor] = saved as [tf.Tensor4D, tf.Tensor4D];
        // d u / d logits = softmax - 1 / K
        const slope = tf.sub(tf.exp(logP), 1 / logP.shape[3]);
        return tf.mul(tf.mul(slope, factor), tf.div(dy, factor.size));
      },
    };
  });
  return op(logits) as tf.Scalar;
}
