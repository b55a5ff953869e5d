import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { sharedCount } from "./shared.ts";

/** Which pixels count, and which measure of confidence is taken. */
export interface ConfidenceOptions {
  /** int32 [N, H, W]; every id outside 0 .. K - 1 is ignored. */
  readonly labels: tf.Tensor3D;
  /** float32 [N], not negative: a factor of each image, of which 0 takes it out of the mean; absent: 1. */
  readonly marks?: tf.Tensor1D | undefined;
  /** `kld`: -mean over classes of log p; `entropy`: sum p log p. */
  readonly kind: "kld" | "entropy";
  /** The processes that have the other images of the batch; absent: there are none. */
  readonly world?: World;
}

/**
 * How confident predictions are, on average over labelled pixels (Zou et al. 2019, without constants). The
 * value of a pixel is, with p = softmax(logits),
 *
 *   kld: -1/K sum log p (the divergence of p from the uniform distribution), entropy: sum p log p
 *
 * Both are smallest when all classes are equally probable, so minimising them holds confidence back. A
 * pixel's value is multiplied by the mark of its image; pixels of images with the mark 0 do not count in the
 * mean.
 * @param logits float32 [N, H, W, K] @returns 0 when no pixel counts
 */
export function meanConfidence(
  logits: tf.Tensor4D,
  { labels, marks, kind, world = solo }: ConfidenceOptions,
): tf.Scalar {
  const classes = logits.shape[3];
  const logs = tf.logSoftmax(logits);
  const each = kind === "kld" ? tf.neg(tf.mean(logs, 3)) : tf.sum(tf.mul(tf.exp(logs), logs), 3);
  const labelled = tf.cast(
    tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, classes)),
    "float32",
  );
  const factors = marks ? tf.mul(labelled, tf.reshape(marks, [-1, 1, 1])) : labelled;
  const count = tf.sum(tf.cast(tf.greater(factors, 0), "float32"));
  return tf.div(tf.sum(tf.mul(each, factors)), sharedCount(count, world)) as tf.Scalar;
}
