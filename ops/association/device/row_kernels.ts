/**
 * What a device computes for the association: a reduction of a block of rows of D, float32 [B, Q], and three
 * maps over such a block. Think of a block as written once by a product, reduced to five numbers a row, and
 * dropped; for the gradient the product writes it again, and the maps turn it into a gradient by those
 * numbers. The names follow ../README.md.
 */
import type * as tf from "@tensorflow/tfjs-core";

/**
 * What is kept of every row when its block is gone, float32 [B, 5]; the columns are {@linkcode SUMMARY}'s.
 * One tensor, because a shader writes one.
 */
export type RowSummary = tf.Tensor2D;

/**
 * The columns of a summary. `peak` is the largest similarity of the row, NaN where none can be compared;
 * `column` is where it first occurs (0 there), a whole number below 2^24. z = (d - mean) * inverse is what
 * the softmax is taken of: 0 and 1 without contrast normalisation. `logSum` is log sum exp z.
 */
export const SUMMARY = { peak: 0, column: 1, mean: 2, inverse: 3, logSum: 4 } as const;

/** How many columns a summary has. */
export const SUMMARY_WIDTH = 5;

/** What the gradient of a softmax needs of its rows, float32 [B, 1]. */
export interface SlopeRows {
  /** The sum of p dp over the row. */
  readonly along: tf.Tensor2D;
  /** As in the summary. */
  readonly inverse: tf.Tensor2D;
}

/** A backend's versions. None reads a tensor. */
export interface DeviceRowKernels {
  /** How many rows a block has. */
  blockRows(columns: number): number;
  /** @param contrast whether rows are contrast-normalised first (Kang et al. 2020, Eq. 5-6) */
  summarise(d: tf.Tensor2D, contrast: boolean): RowSummary;
  /** softmax(z) */
  softmax(d: tf.Tensor2D, summary: RowSummary): tf.Tensor2D;
  /**
   * lift (1[column is the peak's] - softmax(z)) by row; rows of lift 0 are 0, whatever is in them.
   * @param lift [B, 1]
   */
  peakGradient(d: tf.Tensor2D, summary: RowSummary, lift: tf.Tensor2D): tf.Tensor2D;
  /**
   * p (dp - along) inverse: the gradient with respect to d of what has the gradient `dp` with respect to p.
   */
  softmaxGradient(p: tf.Tensor2D, dp: tf.Tensor2D, rows: SlopeRows): tf.Tensor2D;
}
