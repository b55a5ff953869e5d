/** What the row shaders compute, in plain operators: shaders are held against it, and it streams where no GPU is. */
import * as tf from "@tensorflow/tfjs-core";
import { type DeviceRowKernels, SUMMARY } from "../../../ops/association/device/row_kernels.ts";

function column(summary: tf.Tensor2D, key: keyof typeof SUMMARY): tf.Tensor {
  return tf.slice(summary, [0, SUMMARY[key]], [summary.shape[0], 1]);
}

function logSoftmax(d: tf.Tensor2D, summary: tf.Tensor2D): tf.Tensor {
  const z = tf.mul(tf.sub(d, column(summary, "mean")), column(summary, "inverse"));
  return tf.sub(z, column(summary, "logSum"));
}

/** Runs on every backend. Blocks of `rows` rows. */
export function composedRows(rows: number): DeviceRowKernels {
  return {
    blockRows: () => rows,
    summarise(d, contrast) {
      const width = d.shape[1];
      const comparable = tf.logicalNot(tf.isNaN(d));
      const seen = tf.where(comparable, d, -Infinity);
      const best = tf.max(seen, 1, true), place = tf.expandDims(tf.argMax(seen, 1), 1);
      const found = tf.greater(best, -Infinity);
      const mean = contrast ? tf.mean(d, 1, true) : tf.zerosLike(best);
      const squares = tf.sum(tf.square(tf.sub(d, mean)), 1, true);
      const deviation = tf.sqrt(tf.div(squares, Math.max(1, width - 1)));
      const inverse = contrast ? tf.div(1, tf.add(deviation, 1e-10)) : tf.onesLike(best);
      const logSum = tf.logSumExp(tf.mul(tf.sub(d, mean), inverse), 1, true);
      const orNaN = (x: tf.Tensor) => tf.where(found, x, NaN);
      const at = tf.where(found, tf.cast(place, "float32"), 0);
      return tf.concat([orNaN(best), at, mean, inverse, orNaN(logSum)], 1) as tf.Tensor2D;
    },
    softmax: (d, summary) => tf.exp(logSoftmax(d, summary)) as tf.Tensor2D,
    peakGradient(d, summary, lift) {
      const isPeak = tf.equal(column(summary, "column"), tf.range(0, d.shape[1], 1, "float32"));
      const rise = tf.sub(tf.cast(isPeak, "float32"), tf.exp(logSoftmax(d, summary)));
      const idle = tf.logicalAnd(tf.equal(lift, 0), tf.onesLike(isPeak));
      return tf.where(idle, 0, tf.mul(rise, lift)) as tf.Tensor2D;
    },
    softmaxGradient: (p, dp, { along, inverse }) =>
      tf.mul(tf.mul(p, tf.sub(dp, along)), inverse) as tf.Tensor2D,
  };
}
