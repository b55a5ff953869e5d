import * as tf from "@tensorflow/tfjs-core";

/**
 * The mean over labelled pixels of -log softmax(logits)[label] (Kang et al. 2020, Eq. 11).
 * @param logits float32 [N, H, W, K] @param labels int32 [N, H, W]; every id outside 0 .. K - 1 is ignored
 * @returns 0 when every pixel is ignored
 */
export function crossEntropy(logits: tf.Tensor4D, labels: tf.Tensor3D): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const truth = oneHotLabels(labels, input.shape[3]);
    const count = tf.maximum(tf.sum(truth), 1);
    const logs = tf.logSoftmax(input);
    save([logs, truth, count]);
    return {
      value: tf.neg(tf.div(tf.sum(tf.mul(truth, logs)), count)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logP, expected, pixels] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Scalar];
        const labelled = tf.sum(expected, 3, true);
        const lifted = tf.sub(tf.mul(tf.exp(logP), labelled), expected);
        return tf.mul(lifted, tf.div(dy, pixels));
      },
    };
  });
  return op(logits) as tf.Scalar;
}

/** float32 [N, H, W, K]; zero rows where the label is not one of the classes. */
function oneHotLabels(labels: tf.Tensor3D, classes: number): tf.Tensor4D {
  const flat = tf.reshape(labels, [labels.size]) as tf.Tensor1D;
  const rows = tf.cast(tf.oneHot(flat, classes), "float32");
  return tf.reshape(rows, [...labels.shape, classes]) as tf.Tensor4D;
}
