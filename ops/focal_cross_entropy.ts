import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { sharedCount } from "./shared.ts";

/** Probabilities are clipped to [1e-9, 1 - 1e-9]. */
const LEAST = 1e-9;

/** How much sure pixels count less, and the processes that have the other images of the batch. */
export interface FocalOptions {
  readonly gamma: number;
  /** Absent: there are none. */
  readonly world?: World;
}

/**
 * The mean over labelled pixels of -(1 - q)^gamma log q, where q is softmax(logits) at the label (Lin et al.
 * 2017). The factor takes weight from pixels that are known already; gamma = 0 is the cross-entropy. q is
 * clipped to [1e-9, 1 - 1e-9], where it has no gradient.
 * @param logits float32 [N, H, W, K] @param labels int32 [N, H, W]; every id outside 0 .. K - 1 is ignored
 * @returns 0 when every pixel is ignored
 */
export function focalCrossEntropy(
  logits: tf.Tensor4D,
  labels: tf.Tensor3D,
  { gamma, world = solo }: FocalOptions,
): tf.Scalar {
  const classes = logits.shape[3];
  const truth = tf.cast(tf.oneHot(tf.cast(labels, "int32"), classes), "float32");
  const counted = tf.sum(truth, 3);
  // An ignored pixel gets q = 1: its term is 0, and it has no gradient.
  const q = tf.add(tf.sum(tf.mul(tf.softmax(logits), truth), 3), tf.sub(1, counted));
  const kept = tf.clipByValue(q, LEAST, 1 - LEAST);
  // In float32 the upper bound is 1: a power of 0 below 1 has no finite slope, and 0 times that is NaN.
  const missing = tf.maximum(tf.sub(1, kept), LEAST);
  const each = tf.mul(tf.pow(missing, gamma), tf.log(kept));
  const sum = tf.sum(tf.mul(each, counted));
  return tf.div(tf.neg(sum), sharedCount(tf.sum(counted), world)) as tf.Scalar;
}
