import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { sharedCount } from "./shared.ts";

/**
 * Squared distances below it count as this: the root of 0 has no gradient, the maximum with a constant has 0.
 */
const NOTHING = 1e-24;

/**
 * The mean Euclidean distance of two maps over the pixels where the mask is 1; 0 without such a pixel. A
 * pixel where both are alike has no gradient.
 * @param own, other float32 [N, h, w, C] @param mask float32 [N, h, w], 0 or 1, a constant
 */
export function maskedDistance(
  own: tf.Tensor4D,
  other: tf.Tensor4D,
  mask: tf.Tensor3D,
  world: World = solo,
): tf.Scalar {
  // Masked before the root, so that pixels that do not count have the gradient 0 whatever their difference.
  const difference = tf.sub(own, other);
  const counting = tf.greater(tf.broadcastTo(tf.expandDims(mask, 3), difference.shape), 0);
  const squares = tf.sum(tf.square(tf.where(counting, difference, tf.zerosLike(difference))), 3);
  const distances = tf.sqrt(tf.maximum(squares, NOTHING));
  const counted = tf.where(tf.greater(mask, 0), distances, tf.zerosLike(distances));
  return tf.div(tf.sum(counted), sharedCount(tf.sum(mask), world)) as tf.Scalar;
}
