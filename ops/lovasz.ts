/**
 * The Lovasz-Softmax loss (Berman et al. 2018): a differentiable stand-in for 1 - IoU, so that a rare class
 * counts as much as a frequent one. For one class, let e be the errors |1[label = class] - p| of all pixels.
 * If only the k largest errors were mistakes, the Jaccard loss would be J_k = 1 - (members not among them) /
 * (members + others among them). The loss is the piecewise linear interpolation of that between the corners:
 *
 *   sum over k of e_k (J_k - J_(k-1)),   e sorted in descending order
 *
 * The weights J_k - J_(k-1) are constants almost everywhere, so they are the gradient as well: one sort gives
 * both.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { kernels } from "./kernels.ts";
import { sharedLovasz } from "./shared_lovasz.ts";

/**
 * The loss over all pixels of the batch together: for every class that occurs in the labels the Lovasz
 * extension of its Jaccard loss, then their mean.
 * @param probabilities float32 [N, H, W, K] @param labels int32 [N, H, W]; ids outside 0 .. K - 1 are ignored
 * @returns in [0, 1]; 0 when every pixel is ignored
 * @param world those that have the other images of the batch
 */
export function lovasz(probabilities: tf.Tensor4D, labels: tf.Tensor3D, world: World = solo): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const rows = tf.reshape(input, [labels.size, input.shape[3]]) as tf.Tensor2D;
    const ids = tf.reshape(labels, [labels.size]) as tf.Tensor1D;
    const { loss, gradient } = world.size === 1
      ? kernels().lovasz(rows, ids)
      : sharedLovasz(rows, ids, world);
    save([tf.reshape(gradient, input.shape)]);
    return {
      value: loss,
      gradFunc: (dy: tf.Tensor, [slope]: tf.Tensor[]) => tf.mul(slope!, dy),
    };
  });
  return op(probabilities) as tf.Scalar;
}
