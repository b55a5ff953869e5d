/**
 * The association's kernels over blocks of rows (ops/association/device/row_kernels.ts), composed of
 * TensorFlow's operators.
 */
import * as tf from "@tensorflow/tfjs-core";
import { EPSILON } from "../../ops/association/contrast.ts";
import { type DeviceRowKernels, SUMMARY } from "../../ops/association/device/row_kernels.ts";
import { run } from "./operator.ts";

/** Bytes of a block of similarities; a handful of blocks exist at a time. */
const BLOCK_BYTES = 2 ** 24;

function blockRows(columns: number): number {
  return Math.max(1, Math.floor(BLOCK_BYTES / (4 * columns)));
}

/** One column of a summary, [B, 1]. */
function column(summary: tf.Tensor2D, key: keyof typeof SUMMARY): tf.Tensor2D {
  return tf.slice(summary, [0, SUMMARY[key]], [summary.shape[0], 1]);
}

/**
 * `condition ? a : b`; `a` and `b` may be one number, or one of every row. tfjs's `where` would first spread
 * them over the whole shape.
 */
function select(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  return run("SelectV2", [condition, a, b], { attributes: { types: { T: "float32" } } })[0] as tf.Tensor2D;
}

/** exp((d - mean) inverse - logSum) */
function softmax(d: tf.Tensor2D, summary: tf.Tensor2D): tf.Tensor2D {
  // (d - mean) inverse - logSum in two passes instead of three.
  const inverse = column(summary, "inverse");
  const shift = tf.add(tf.mul(column(summary, "mean"), inverse), column(summary, "logSum"));
  return tf.exp(tf.sub(tf.mul(d, inverse), shift)) as tf.Tensor2D;
}

/** The kernels on TensorFlow. */
export const tensorflowRows: DeviceRowKernels = {
  blockRows,
  summarise: (d, contrast) =>
    tf.tidy(() => {
      const width = d.shape[1];
      const seen = select(tf.isNaN(d), tf.scalar(-Infinity), d);
      const best = tf.max(seen, 1, true), place = tf.cast(tf.expandDims(tf.argMax(seen, 1), 1), "float32");
      const comparable = tf.greater(best, -Infinity);
      const mean = contrast ? tf.mean(d, 1, true) : tf.zerosLike(best);
      const inverse = contrast ? inverseDeviation(d, mean, width) : tf.onesLike(best);
      // The largest z is that of the largest similarity.
      const top = tf.mul(tf.sub(best, mean), inverse);
      const exponents = tf.exp(tf.sub(tf.mul(d, inverse), tf.add(tf.mul(mean, inverse), top)));
      const logSum = tf.add(tf.log(tf.sum(exponents, 1, true)), top);
      const nan = tf.scalar(NaN);
      const columns = [
        select(comparable, best, nan),
        select(comparable, place, tf.scalar(0)),
        mean,
        inverse,
        select(comparable, logSum, nan),
      ];
      return tf.concat(columns, 1) as tf.Tensor2D;
    }),
  softmax: (d, summary) => tf.tidy(() => softmax(d, summary)),
  peakGradient: (d, summary, lift) =>
    tf.tidy(() => {
      const isPeak = tf.equal(column(summary, "column"), tf.range(0, d.shape[1], 1, "float32"));
      const fall = tf.mul(softmax(d, summary), tf.neg(lift)) as tf.Tensor2D;
      const pulled = select(isPeak, tf.add(fall, lift), fall);
      return select(tf.equal(lift, 0), tf.scalar(0), pulled);
    }),
  softmaxGradient: (p, dp, { along, inverse }) =>
    tf.tidy(() => tf.mul(tf.mul(p, tf.sub(dp, along)), inverse) as tf.Tensor2D),
};

/** 1 / (deviation + 1e-10) of every row, [B, 1]. */
function inverseDeviation(d: tf.Tensor2D, mean: tf.Tensor, width: number): tf.Tensor {
  const squares = tf.sum(tf.squaredDifference(d, mean), 1, true);
  return tf.reciprocal(tf.add(tf.sqrt(tf.div(squares, Math.max(1, width - 1))), EPSILON));
}
