/**
 * Cycle association between the pixels of two images (Kang et al. 2020, Eq. 1-6).
 *
 * Both factors of the loss are read at a row's maximum: the source pixel's row at its best target pixel, and that
 * target pixel's row at its best source pixel. So the loss is a weighted sum over rows of "how far the maximum
 * stands out", once with the weight 1 for every associated source pixel and once with each target pixel's number of
 * associated source pixels; no element is gathered and no gradient scattered.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { constant } from "./constant.ts";
import { normaliseRows, rowStatistics } from "./contrast.ts";

/** What {@linkcode associationLoss} compares and how. */
export interface AssociationOptions {
  readonly similarity: Similarity;
  /** Contrast-normalise the similarities (Eq. 4); without it, a plain softmax. */
  readonly contrast: boolean;
  /** `contrastive`: Eq. 3 and 6; `direct`: the associated similarities themselves. */
  readonly objective: "contrastive" | "direct";
  readonly ignoreLabel: number;
}

/** Which pixels found each other. P source pixels, Q target pixels. */
export interface Cycles {
  /** int32 [N, P]: the most similar target pixel of every source pixel */
  readonly forward: tf.Tensor2D;
  /** int32 [N, P]: the source pixel that `forward`'s target pixel is most similar to */
  readonly back: tf.Tensor2D;
  /** float32 [N, P]: 1 where the cycle ends in the class it began in, and that class is not `ignoreLabel` */
  readonly associated: tf.Tensor2D;
  /** float32 [N, Q]: how many associated source pixels chose the target pixel */
  readonly chosen: tf.Tensor2D;
}

/** The loss and what it was computed over. */
export interface AssociationResult {
  /** Mean over the associated pixels of all images; 0 when there are none. */
  readonly loss: tf.Scalar;
  /** Share of source pixels that are associated, in [0, 1]. */
  readonly associated: tf.Scalar;
}

/** Follows source to target to source. @param labels int32 [N, P] */
export function findCycles(
  st: tf.Tensor3D,
  ts: tf.Tensor3D,
  { labels, ignoreLabel }: { readonly labels: tf.Tensor2D; readonly ignoreLabel: number },
): Cycles {
  return tf.tidy(() => {
    const [n, p, q] = st.shape;
    const forward = tf.argMax(st, 2) as tf.Tensor2D;
    const homeward = tf.argMax(ts, 2) as tf.Tensor2D;
    const back = pick(homeward, forward);
    const same = tf.equal(pick(labels, back), labels);
    const associated = tf.cast(tf.logicalAnd(same, tf.notEqual(labels, ignoreLabel)), "float32");
    const choices = tf.reshape(tf.oneHot(tf.reshape(forward, [n * p]), q), [n, p, q]) as tf.Tensor3D;
    const counts = tf.matMul(tf.reshape(associated, [n, 1, p]), tf.cast(choices, "float32"));
    return {
      forward,
      back,
      associated: associated as tf.Tensor2D,
      chosen: tf.reshape(counts, [n, q]) as tf.Tensor2D,
    };
  });
}

/** values[n, indices[n, k]] */
function pick(values: tf.Tensor2D, indices: tf.Tensor2D): tf.Tensor2D {
  const [n, columns] = values.shape;
  const starts = tf.mul(tf.range(0, n, 1, "int32"), tf.scalar(columns, "int32"));
  const flat = tf.reshape(tf.add(indices, tf.reshape(starts, [n, 1])), [indices.size]) as tf.Tensor1D;
  return tf.reshape(tf.gather(tf.reshape(values, [values.size]), tf.cast(flat, "int32")), indices.shape);
}

/**
 * The association loss. Ignored source pixels start no cycle and stay candidates in everything else.
 * @param source float32 [N, P, C] @param target float32 [N, Q, C] @param labels int32 [N, P], of the source
 */
export function associationLoss(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  { similarity, contrast, objective, ignoreLabel }: AssociationOptions,
): AssociationResult {
  const st = similarity.pairwise(source, target);
  const ts = similarity.symmetric ? tf.transpose(st, [0, 2, 1]) : similarity.pairwise(target, source);
  const [n, p, q] = st.shape;
  const weights = constant(() => {
    const cycles = findCycles(st, ts, { labels, ignoreLabel });
    return tf.concat([cycles.associated, cycles.chosen], 1);
  });
  const associated = tf.slice(weights, [0, 0], [n, p]);
  const chosen = tf.slice(weights, [0, p], [n, q]);
  const count = tf.maximum(tf.sum(associated), 1);
  const score = objective === "direct" ? weightedRowMaxima : contrastiveRowMaxima(contrast);
  const total = tf.add(score(st, associated), score(ts, chosen));
  return {
    loss: tf.neg(tf.div(total, count)) as tf.Scalar,
    associated: tf.div(tf.sum(associated), associated.size) as tf.Scalar,
  };
}

type RowScore = (d: tf.Tensor3D, weights: tf.Tensor2D) => tf.Tensor;

/** sum over rows of weight * log softmax(row)[maximum], rows contrast-normalised with constant statistics. */
function contrastiveRowMaxima(contrast: boolean): RowScore {
  return (d, weights) => {
    const op = tf.customGrad((...args) => {
      const [input, save] = args as unknown as [tf.Tensor3D, tf.GradSaveFunc];
      const statistics = contrast ? rowStatistics(input) : undefined;
      const z = statistics ? normaliseRows(input, statistics) : input;
      const top = tf.max(z, 2, true);
      const powers = tf.exp(tf.sub(z, top));
      const sums = tf.sum(powers, 2, true);
      const rowWeights = tf.reshape(weights, sums.shape);
      const factors = statistics ? tf.mul(rowWeights, statistics.inverse) : rowWeights;
      save([input, tf.mul(powers, tf.div(factors, sums)), factors]);
      return {
        value: tf.neg(tf.sum(tf.mul(rowWeights, tf.log(sums)))),
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
          const [original, pulled, lift] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
          return tf.mul(dy, tf.sub(tf.mul(maximumMask(original), lift), pulled));
        },
      };
    });
    return op(d);
  };
}

/** sum over rows of weight * maximum */
function weightedRowMaxima(d: tf.Tensor3D, weights: tf.Tensor2D): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor3D, tf.GradSaveFunc];
    save([input, weights]);
    return {
      value: tf.sum(tf.mul(tf.max(input, 2), weights)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [original, rows] = saved as [tf.Tensor3D, tf.Tensor2D];
        return tf.mul(tf.mul(maximumMask(original), tf.expandDims(rows, 2)), dy);
      },
    };
  });
  return op(d);
}

/** 1 at the first maximum of every row, 0 elsewhere. */
function maximumMask(d: tf.Tensor3D): tf.Tensor3D {
  const [n, p, q] = d.shape;
  const flat = tf.reshape(tf.argMax(d, 2), [n * p]) as tf.Tensor1D;
  return tf.reshape(tf.cast(tf.oneHot(flat, q), "float32"), [n, p, q]);
}
