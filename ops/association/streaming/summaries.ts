/**
 * What the forward pass leaves for the backward pass: of each row of D five numbers, from which its softmax
 * is formed again. They lie on the host, because the program reads them: where peaks are, and which rows
 * count.
 */
import * as tf from "@tensorflow/tfjs-core";
import { emptyPeaks, type Peaks } from "./peaks.ts";

/** softmax(z) = exp((D - mean) * inverse - logSum), by row or by column; float32 [B] or [Q]. */
export interface Softmax {
  readonly mean: tf.Tensor1D;
  readonly inverse: tf.Tensor1D;
  readonly logSum: tf.Tensor1D;
}

/**
 * Summaries of the rows of a matrix, on the host: 20 bytes a row. A row that was not summarised has the peak
 * NaN at column 0, and zeros.
 */
export class Summaries {
  readonly peaks: Peaks;
  readonly mean: Float32Array;
  readonly inverse: Float32Array;
  /** log sum exp z */
  readonly logSum: Float32Array;

  constructor(rows: number) {
    this.peaks = emptyPeaks(rows);
    this.mean = new Float32Array(rows);
    this.inverse = new Float32Array(rows);
    this.logSum = new Float32Array(rows);
  }

  /** The softmax of some rows, as tensors of the current scope. */
  of(indices: Int32Array): Softmax {
    return {
      mean: valuesAt(this.mean, indices),
      inverse: valuesAt(this.inverse, indices),
      logSum: valuesAt(this.logSum, indices),
    };
  }

  /** The log softmax of a row at a cell that has the similarity `value`. */
  logSoftmax(row: number, value: number): number {
    return (value - this.mean[row]!) * this.inverse[row]! - this.logSum[row]!;
  }
}

/** The values at some places, float32 [B]. */
export function valuesAt(values: Float32Array, indices: Int32Array): tf.Tensor1D {
  return tf.tensor1d(Float32Array.from(indices, (row) => values[row]!));
}
