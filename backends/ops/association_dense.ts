/** The association with whole similarity matrices, for backends whose tensors cannot be read within a step. */
import * as tf from "@tensorflow/tfjs-core";
import type { AssociationOptions, AssociationResult } from "./association.ts";
import { constant } from "./constant.ts";
import { normaliseRows, rowStatistics } from "./contrast.ts";

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
    const counts = tf.matMul(tf.reshape(associated, [n, 1, p]), oneHotRows(forward, q));
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

/** As `associationLoss`. */
export function denseAssociation(
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
  return oneHotRows(tf.argMax(d, 2) as tf.Tensor2D, d.shape[2]);
}

/** float32 [N, P, depth]: 1 at the given column of every row. */
function oneHotRows(columns: tf.Tensor2D, depth: number): tf.Tensor3D {
  const [n, p] = columns.shape;
  // tfjs refuses a depth of 1.
  const ones = tf.oneHot(tf.reshape(columns, [n * p]) as tf.Tensor1D, Math.max(2, depth));
  return tf.reshape(tf.cast(tf.slice(ones, [0, 0], [n * p, depth]), "float32"), [n, p, depth]);
}
