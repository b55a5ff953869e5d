import * as tf from "@tensorflow/tfjs-core";
import { EPSILON } from "./contrast.ts";
import type { AggregationOptions } from "./options.ts";

/**
 * The same values as `aggregate`, in plain operators, with the whole P x P matrix in memory. It is for
 * recording a network into a graph file: a graph has no loop over blocks, and its runtime plans memory by
 * itself.
 * @param x float32 [N, P, C] @returns float32 [N, P, C]
 */
export function denseAggregate(
  x: tf.Tensor3D,
  { similarity, alpha, contrast }: AggregationOptions,
): tf.Tensor3D {
  const similarities = similarity.pairwise(x, x);
  const weights = tf.softmax(contrast ? contrasted(similarities) : similarities);
  return tf.add(tf.mul(x, 1 - alpha), tf.mul(tf.matMul(weights, x), alpha));
}

/** The normalisation of contrast.ts, of whole rows. @param d float32 [N, P, Q] @returns the same shape */
function contrasted(d: tf.Tensor3D): tf.Tensor3D {
  const centred = tf.sub(d, tf.mean(d, -1, true));
  const others = Math.max(1, d.shape[2] - 1);
  const deviation = tf.sqrt(tf.div(tf.sum(tf.square(centred), -1, true), others));
  return tf.div(centred, tf.add(deviation, EPSILON));
}
