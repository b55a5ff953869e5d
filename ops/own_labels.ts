/**
 * Self-labelling at three scales (Lian et al. 2019, PyCDA): of pixels, of squares of pixels, of the whole
 * image. The network learns, on images without labels, the class that it is sure of already. A square is
 * judged by the mean of its logits, which is steadier than a pixel; the image by the mean of its
 * probabilities, which is drawn to the shares that classes have.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo, type World } from "../core/world.ts";
import { averagePool } from "./average_pool.ts";
import { constant } from "./constant.ts";
import { crossEntropy } from "./cross_entropy.ts";
import { sharedCount, sharedMean } from "./shared.ts";

const EPSILON = 1e-6;

/** Which cells are formed, and which of them count. */
export interface Regions {
  /**
   * The sides of the squares, in pixels, whose logits are averaged and judged; 1 means single pixels. Pixels
   * beyond the last whole square are left out.
   */
  readonly sizes: readonly number[];
  /** A cell counts if its largest probability is above this. */
  readonly threshold: number;
}

/**
 * The mean, over the cells of all sizes together, of -log max p, where p is the softmax of a cell's mean
 * logits. The class is a constant. A cell counts if it is sure but not yet certain: one whose loss is 0 in
 * float32 would only dilute the mean.
 * @param logits float32 [N, H, W, K], N at least 1 @returns 0 when no cell counts
 */
export function ownLabels(
  logits: tf.Tensor4D,
  { sizes, threshold }: Regions,
  world: World = solo,
): tf.Scalar {
  return joinedMean(sizes.map((size) => {
    const cells = pooled(logits, size);
    const sure = constant(() => sureCells(cells, threshold));
    // -1 is no class: the cell is ignored.
    const labels = constant(() => {
      const chosen = tf.cast(tf.argMax(cells, 3), "float32");
      return tf.cast(tf.sub(tf.mul(tf.add(chosen, 1), sure), 1), "int32");
    }) as tf.Tensor3D;
    const count = tf.mul(world.mean([tf.sum(sure)])[0]!, world.size);
    return { mean: crossEntropy(cells, { labels }, "valid", world), count };
  }));
}

/**
 * How far the class shares of each place are from those of a prior. The logits of squares are averaged over
 * the batch; the binary cross-entropy of their softmax against the prior, averaged over classes, counts once
 * for every image that is sure of the cell. The result is the mean over the cells of all sizes together.
 * @param logits float32 [N, H, W, K], N at least 1
 * @param prior for a size of squares, float32 [1, h, w, K] with as many cells
 * @returns 0 when no cell counts
 */
export function placeShares(
  logits: tf.Tensor4D,
  { sizes, threshold }: Regions,
  prior: (size: number, cells: readonly [number, number]) => tf.Tensor4D,
  world: World = solo,
): tf.Scalar {
  return joinedMean(sizes.map((size) => {
    const cells = pooled(logits, size);
    const whole = tf.softmax(sharedMean(tf.mean(cells, 0, true), world));
    const each = tf.mean(
      crossed(whole, prior(size, [cells.shape[1], cells.shape[2]])),
      3,
    );
    const sure = constant(() => sureCells(cells, threshold));
    const own = tf.sum(sure), count = tf.mul(world.mean([own])[0]!, world.size);
    return { mean: tf.div(tf.sum(tf.mul(each, sure)), sharedCount(own, world)), count };
  }));
}

/**
 * The binary cross-entropy, averaged over classes, between the mean softmax over batch and pixels and the
 * share of each class.
 * @param logits float32 [N, H, W, K], at least one pixel
 * @param shares float32 [K]; absent: 1 / K for every class. The released code compares every class with every
 * share, which amounts to that.
 */
export function imageShares(logits: tf.Tensor4D, shares?: tf.Tensor1D, world: World = solo): tf.Scalar {
  const means = sharedMean(tf.mean(tf.softmax(logits), [0, 1, 2]), world);
  return tf.mean(crossed(means, shares ?? tf.scalar(1 / logits.shape[3]!)));
}

/** -q log p - (1 - q) log(1 - p) */
function crossed(p: tf.Tensor, q: tf.Tensor): tf.Tensor {
  const yes = tf.mul(q, tf.log(tf.add(p, EPSILON)));
  const no = tf.mul(tf.sub(1, q), tf.log(tf.add(tf.sub(1, p), EPSILON)));
  return tf.neg(tf.add(yes, no));
}

function pooled(logits: tf.Tensor4D, size: number): tf.Tensor4D {
  return size === 1 ? logits : averagePool(logits, size);
}

/** float32 [N, h, w]: 1 where a cell counts. */
function sureCells(cells: tf.Tensor4D, threshold: number): tf.Tensor3D {
  return tf.tidy(() => {
    const most = tf.max(tf.logSoftmax(cells), 3);
    const above = tf.cast(tf.greater(tf.exp(most), threshold), "float32");
    return tf.mul(above, tf.cast(tf.less(most, 0), "float32")) as tf.Tensor3D;
  });
}

/** The mean of a group of cells, and how many they are. */
interface Part {
  readonly mean: tf.Tensor;
  readonly count: tf.Tensor;
}

/** The mean over the cells of all parts; 0 without a cell. */
function joinedMean(parts: readonly Part[]): tf.Scalar {
  const sum = parts.map(({ mean, count }) => tf.mul(mean, count)).reduce((a, b) => tf.add(a, b));
  const count = parts.map((part) => part.count).reduce((a, b) => tf.add(a, b));
  return tf.div(sum, tf.maximum(count, 1)) as tf.Scalar;
}
