import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";

/**
 * The Lovasz-Softmax loss of Berman et al. 2018 over all pixels of the batch together: for every class that
 * occurs in the labels, the Lovasz extension of the Jaccard loss at the errors |1[label = class] - p|, then
 * their mean.
 * @param probabilities float32 [N, H, W, K] @param labels int32 [N, H, W]; ids outside 0 .. K - 1 are ignored
 * @returns 0 when every pixel is ignored
 */
export function lovasz(probabilities: tf.Tensor4D, labels: tf.Tensor3D): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const rows = tf.reshape(input, [labels.size, input.shape[3]]) as tf.Tensor2D;
    const { loss, gradient } = kernels().lovasz(rows, tf.reshape(labels, [labels.size]) as tf.Tensor1D);
    save([tf.reshape(gradient, input.shape)]);
    return {
      value: loss,
      gradFunc: (dy: tf.Tensor, [slope]: tf.Tensor[]) => tf.mul(slope!, dy),
    };
  });
  return op(probabilities) as tf.Scalar;
}
