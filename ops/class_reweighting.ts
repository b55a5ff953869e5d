/**
 * Losses of each class by itself, and how much each counts (after Du et al. 2019, SSF-DAN). An opponent has a
 * branch per class, which sees the features masked to that class. `...Masks` make these masks, `classLosses`
 * takes the mean error of every branch over the cells that saw its class, and `lossWeights` lets classes
 * count more whose features are still told apart.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { constant } from "./constant.ts";
import { maxPool } from "./max_pool.ts";
import { nearestLabels } from "./nearest.ts";
import { sharedCount, sharedMean } from "./shared.ts";

/**
 * Masks of the predicted classes: 1 in the most probable class of a pixel, if its probability is above the
 * threshold; else the pixel is 0 in all classes. No gradient.
 * @param probabilities float32 [N, h, w, K] @returns the same shape, 0 or 1
 */
export function sureMasks(probabilities: tf.Tensor4D, threshold: number): tf.Tensor4D {
  return constant(() => {
    const [n, h, w, classes] = probabilities.shape;
    const chosen = tf.reshape(tf.argMax(probabilities, 3), [n * h * w]) as tf.Tensor1D;
    const hot = tf.reshape(tf.cast(tf.oneHot(chosen, classes), "float32"), [n, h, w, classes]);
    const sure = tf.cast(tf.greater(tf.max(probabilities, 3, true), threshold), "float32");
    return tf.mul(hot, sure) as tf.Tensor4D;
  });
}

/**
 * Masks of labels: 1 in the class of the nearest label; 0 in all classes where that is none of them. No
 * gradient.
 * @param labels int32 [N, H, W] @param size [height, width] of the result @returns float32 [N, ...size,
 * classes]
 */
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

/**
 * Which scores of a branch saw its class. The masks go through the windows of the branch's two 3x3
 * convolutions of stride 2: a cell is 1 if any pixel of its receptive field is. No gradient.
 * @param masks float32 [N, h, w, K] @returns float32 [N, ceil(h / 4), ceil(w / 4), K]
 */
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

/**
 * The mean loss of every class over the cells that its mask marks.
 * @param losses float32 [N, h, w, K], of each class at each cell @param masks the same shape, 1 where it
 * counts
 */
export function classLosses(losses: tf.Tensor4D, masks: tf.Tensor4D, world: World = solo): ClassLosses {
  const counts = tf.sum(masks, [0, 1, 2]);
  const sums = sharedMean(tf.sum(tf.mul(losses, masks), [0, 1, 2]), world);
  const means = tf.div(sums, sharedCount(counts, world));
  return {
    losses: means as tf.Tensor1D,
    present: tf.cast(tf.greater(world.mean([counts])[0]!, 0), "float32") as tf.Tensor1D,
  };
}

/**
 * Weights of the classes in proportion to their losses, with the mean 1 over the present classes and 0 for
 * absent ones; all 0 if every loss is 0. No gradient. @returns float32 [K]
 */
export function lossWeights({ losses, present }: ClassLosses): tf.Tensor1D {
  return constant(() =>
    tf.div(tf.mul(losses, tf.sum(present)), tf.maximum(tf.sum(losses), 1e-12)) as tf.Tensor1D
  );
}

/**
 * The mean over present classes of their losses times weights; 0 if no class is present.
 * @param weights float32 [K]; absent: 1
 */
export function meanOfClasses({ losses, present }: ClassLosses, weights?: tf.Tensor1D): tf.Scalar {
  const sum = tf.sum(weights ? tf.mul(losses, weights) : losses);
  return tf.div(sum, tf.maximum(tf.sum(present), 1)) as tf.Scalar;
}
