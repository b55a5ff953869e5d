/** Losses of each class by itself, and how much each counts. */
import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { constant } from "./constant.ts";
import { maxPool } from "./max_pool.ts";
import { nearestLabels } from "./nearest.ts";
import { sharedCount, sharedMean } from "./shared.ts";

/** float32 [N, h, w, K]: 1 in the most probable class of a pixel, if it is more probable than the threshold. */
export function sureMasks(probabilities: tf.Tensor4D, threshold: number): tf.Tensor4D {
  return constant(() => {
    const [n, h, w, classes] = probabilities.shape;
    const chosen = tf.reshape(tf.argMax(probabilities, 3), [n * h * w]) as tf.Tensor1D;
    const hot = tf.reshape(tf.cast(tf.oneHot(chosen, classes), "float32"), [n, h, w, classes]);
    const sure = tf.cast(tf.greater(tf.max(probabilities, 3, true), threshold), "float32");
    return tf.mul(hot, sure) as tf.Tensor4D;
  });
}

/** float32 [N, size, K]: 1 in the class of the nearest label; nowhere where none is known. @param labels int32 [N, H, W] */
export function labelMasks(
  labels: tf.Tensor3D,
  size: readonly [number, number],
  classes: number,
): tf.Tensor4D {
  return constant(() => {
    const [n] = labels.shape;
    const ids = tf.reshape(nearestLabels(labels, size), [n * size[0] * size[1]]) as tf.Tensor1D;
    return tf.reshape(tf.cast(tf.oneHot(ids, classes), "float32"), [n, ...size, classes]) as tf.Tensor4D;
  });
}

/** The masks as two 3x3 convolutions of stride 2 see them: where a cell saw a pixel of a class. */
export function seenMasks(masks: tf.Tensor4D): tf.Tensor4D {
  const window = { size: 3, stride: 2, padding: 1 };
  return constant(() => maxPool(maxPool(masks, window, { ceil: false }), window, { ceil: false }));
}

/** The mean loss of each class over its cells, and whether it has any. */
export interface ClassLosses {
  /** float32 [K]; 0 where a class is absent. */
  readonly losses: tf.Tensor1D;
  /** float32 [K], 1 or 0. */
  readonly present: tf.Tensor1D;
}

/** @param losses float32 [N, h, w, K], of each class at each cell @param masks the same shape, 1 where it counts */
export function classLosses(losses: tf.Tensor4D, masks: tf.Tensor4D, world: World = solo): ClassLosses {
  const counts = tf.sum(masks, [0, 1, 2]);
  const sums = sharedMean(tf.sum(tf.mul(losses, masks), [0, 1, 2]), world);
  const means = tf.div(sums, sharedCount(counts, world));
  return {
    losses: means as tf.Tensor1D,
    present: tf.cast(tf.greater(world.mean([counts])[0]!, 0), "float32") as tf.Tensor1D,
  };
}

/** float32 [K]: in proportion to the classes' losses, on average 1 over those that are present; no gradient. */
export function lossWeights({ losses, present }: ClassLosses): tf.Tensor1D {
  return constant(() =>
    tf.div(tf.mul(losses, tf.sum(present)), tf.maximum(tf.sum(losses), 1e-12)) as tf.Tensor1D
  );
}

/** The mean over present classes of their losses, times weights. @param weights float32 [K]; absent: 1 */
export function meanOfClasses({ losses, present }: ClassLosses, weights?: tf.Tensor1D): tf.Scalar {
  const sum = tf.sum(weights ? tf.mul(losses, weights) : losses);
  return tf.div(sum, tf.maximum(tf.sum(present), 1)) as tf.Scalar;
}
