import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { sharedCount } from "./shared.ts";

/**
 * The target of the cross-entropy: train ids or distributions, and how much each pixel counts. One of
 * `labels` and `soft` must be there; `soft` is used if both are.
 */
export interface Expected {
  /** int32 [N, H, W]; every id outside 0 .. K - 1 is ignored. */
  readonly labels?: tf.Tensor3D;
  /** float32 [N, H, W, K], taken instead of labels; a pixel of zeros is ignored. */
  readonly soft?: tf.Tensor4D;
  /** float32 [N, H, W], factors of the pixels; they change no denominator. Absent: 1. */
  readonly weights?: tf.Tensor3D;
}

/** The number of pixels that the sum is divided by: those that are not ignored, or all N H W. */
export type Denominator = "valid" | "all";

/**
 * The mean over pixels of -weight log softmax(logits)[label] (Kang et al. 2020, Eq. 11); for a distribution q
 * instead of a label, of -weight sum q log softmax(logits). Kept for the gradient, weight (softmax sum(q) -
 * q) / count: the log softmax and q. Gradients flow to the logits only.
 * @param logits float32 [N, H, W, K] @returns 0 when every pixel is ignored
 * @param world those that have the other images of the batch
 */
export function crossEntropy(
  logits: tf.Tensor4D,
  { labels, soft, weights }: Expected,
  denominator: Denominator = "valid",
  world: World = solo,
): tf.Scalar {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const [n, h, w, classes] = input.shape;
    const truth = soft ?? oneHotLabels(labels!, classes);
    const count = denominator === "all" ? tf.scalar(n * h * w) : sharedCount(validPixels(truth, soft), world);
    const weighted = weights ? tf.mul(truth, tf.expandDims(weights, 3)) : truth;
    const logs = tf.logSoftmax(input);
    save([logs, weighted, count]);
    return {
      value: tf.neg(tf.div(tf.sum(tf.mul(weighted, logs)), count)),
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

/** How many pixels have a label; of distributions, those that are not all zeros. */
function validPixels(truth: tf.Tensor, soft: tf.Tensor4D | undefined): tf.Tensor {
  return tf.sum(soft ? tf.cast(tf.greater(tf.sum(soft, 3), 0), "float32") : truth);
}

/** float32 [N, H, W, K]; zero rows where the label is not one of the classes. */
function oneHotLabels(labels: tf.Tensor3D, classes: number): tf.Tensor4D {
  const flat = tf.reshape(labels, [labels.size]) as tf.Tensor1D;
  const rows = tf.cast(tf.oneHot(flat, classes), "float32");
  return tf.reshape(rows, [...labels.shape, classes]) as tf.Tensor4D;
}
