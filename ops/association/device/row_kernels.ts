/**
 * What a device computes for the association: a reduction of a block of rows of D, float32 [B, Q], and three
 * maps over such a block. Think of a block as written once by a product, reduced to five numbers a row, and
 * dropped; for the gradient the product writes it again, and the maps turn it into a gradient by those
 * numbers. The names follow ../README.md.
 */
import type * as tf from "@tensorflow/tfjs-core";

/**
 * The summary of each row of a block, float32 [B, 5]; {@linkcode SUMMARY} names the columns. It is one
 * tensor, because a shader writes one.
 */
export type RowSummary = tf.Tensor2D;

/**
 * The columns of a summary. `peak` is the largest similarity of the row, NaN if none is comparable; `column`
 * is where it first occurs (0 then), a whole number below 2^24, which float32 holds exactly. The softmax is
 * taken of z = (d - mean) * inverse; without contrast normalisation `mean` is 0 and `inverse` 1. `logSum` is
 * log sum exp z.
 */
export const SUMMARY = { peak: 0, column: 1, mean: 2, inverse: 3, logSum: 4 } as const;

/** How many columns a summary has. */
export const SUMMARY_WIDTH = 5;

/** The constants of each row in the gradient of a softmax, float32 [B, 1]. */
export interface SlopeRows {
  /** The sum of p dp over the row. */
  readonly along: tf.Tensor2D;
  /** As in the summary. */
  readonly inverse: tf.Tensor2D;
}

/** The kernels. None of them reads a tensor. B rows, Q columns. */
export interface DeviceRowKernels {
  /** How many rows a block has. */
  blockRows(columns: number): number;
  /**
   * The summary of each row, [B, 5]. @param d float32 [B, Q], whole rows @param contrast whether rows are
   * contrast-normalised (Kang et al. 2020, Eq. 5-6)
   */
  summarise(d: tf.Tensor2D, contrast: boolean): RowSummary;
  /** softmax(z) */
  softmax(d: tf.Tensor2D, summary: RowSummary): tf.Tensor2D;
  /**
   * The gradient of the log softmax at each row's peak, times a factor of the row: lift (1[column is the
   * peak's] - softmax(z)). Rows with the lift 0 are 0 even if they hold NaN. @param lift [B, 1]
   */
  peakGradient(d: tf.Tensor2D, summary: RowSummary, lift: tf.Tensor2D): tf.Tensor2D;
  /**
   * The gradient with respect to d, p (dp - along) inverse, from the gradient `dp` with respect to p =
   * softmax(z); all [B, Q].
   */
  softmaxGradient(p: tf.Tensor2D, dp: tf.Tensor2D, rows: SlopeRows): tf.Tensor2D;
}
