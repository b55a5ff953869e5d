import * as tf from "@tensorflow/tfjs-core";
import { EPSILON } from "./contrast.ts";
import type { AggregationOptions } from "./options.ts";

/** As `aggregate`, in plain operators: memory grows with the square of the pixels. */
export function denseAggregate(
  x: tf.Tensor3D,
  { similarity, alpha, contrast }: AggregationOptions,
): tf.Tensor3D {
  const similarities = similarity.pairwise(x, x);
  const weights = tf.softmax(contrast ? contrasted(similarities) : similarities);
  return tf.add(tf.mul(x, 1 - alpha), tf.mul(tf.matMul(weights, x), alpha));
}

/** As contrast.ts says. @param d float32 [N, P, Q] */
function contrasted(d: tf.Tensor3D): tf.Tensor3D {
  const centred = tf.sub(d, tf.mean(d, -1, true));
  const others = Math.max(1, d.shape[2] - 1);
  const deviation = tf.sqrt(tf.div(tf.sum(tf.square(centred), -1, true), others));
  return tf.div(centred, tf.add(deviation, EPSILON));
}
