/**
 * Following cycles on the device (Kang et al. 2020, Eq. 2 and 3). Think of the column `column` of the two
 * summaries as maps from pixel to pixel: forward[i] = j* and home[j] = i*. Gathering chains them, back =
 * home[forward], and the labels gathered by `back` are compared with the labels themselves. No value is read.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type RowSummary, SUMMARY } from "./row_kernels.ts";

/** The cycles of two images, on the device. P source pixels, Q target pixels. */
export interface DeviceCycles {
  /** int32 [P]: the most similar target pixel of every source pixel. */
  readonly forward: tf.Tensor1D;
  /** int32 [P]: the source pixel that `forward`'s target pixel is most similar to. */
  readonly back: tf.Tensor1D;
  /** float32 [P, 1]: 1 where the cycle ends in the class it began in, and that class is not ignored. */
  readonly associated: tf.Tensor2D;
  /** float32 [Q, 1]: how many associated source pixels chose the target pixel. */
  readonly chosen: tf.Tensor2D;
}

/** One column of a summary, float32 [P, 1]. */
export function summaryColumn(summary: RowSummary, column: keyof typeof SUMMARY): tf.Tensor2D {
  return tf.slice(summary, [0, SUMMARY[column]], [summary.shape[0], 1]);
}

/**
 * Follows the cycles of all source pixels: source to target to source. Where several similarities are the
 * largest, the first counts; where a row has none (all NaN), its column 0 does.
 * @param there summary [P, 5] of the source pixels' rows
 * @param home summary [Q, 5] of the target pixels' rows
 * @param labels int32 [P], of the source
 */
export function followCycles(
  { there, home }: { readonly there: RowSummary; readonly home: RowSummary },
  labels: tf.Tensor1D,
  ignoreLabel: number,
): DeviceCycles {
  const [p, q] = [there.shape[0], home.shape[0]];
  const forward = peakColumns(there);
  const back = tf.gather(peakColumns(home), forward);
  const closed = tf.logicalAnd(tf.equal(tf.gather(labels, back), labels), tf.notEqual(labels, ignoreLabel));
  const associated = tf.cast(closed, "float32") as tf.Tensor1D;
  const chosen = tf.unsortedSegmentSum(associated, forward, q);
  return {
    forward,
    back,
    associated: tf.reshape(associated, [p, 1]),
    chosen: tf.reshape(chosen, [q, 1]),
  };
}

/** int32 [rows]: where each row's peak lies. */
function peakColumns(summary: RowSummary): tf.Tensor1D {
  return tf.cast(tf.reshape(summaryColumn(summary, "column"), [summary.shape[0]]), "int32");
}
