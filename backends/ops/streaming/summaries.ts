import * as tf from "@tensorflow/tfjs-core";
import type { RowSummary } from "./row_kernels.ts";

const PARTS = ["mean", "inverse", "logSum"] as const;

/** The summaries of all rows of a matrix, on the host: 12 bytes a row. */
export class Summaries {
  readonly #values: Readonly<Record<typeof PARTS[number], Float32Array>>;

  constructor(rows: number) {
    const make = () => new Float32Array(rows);
    this.#values = { mean: make(), inverse: make(), logSum: make() };
  }

  /** Keeps those of some rows. */
  set(indices: Int32Array, summary: RowSummary): void {
    for (const part of PARTS) {
      const values = summary[part].dataSync();
      indices.forEach((row, k) => this.#values[part][row] = values[k]!);
    }
  }

  /** Those of some rows, as tensors of the current scope. */
  of(indices: Int32Array): RowSummary {
    const [mean, inverse, logSum] = PARTS.map((part) => {
      const values = Float32Array.from(indices, (row) => this.#values[part][row]!);
      return tf.tensor2d(values, [indices.length, 1]);
    }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    return { mean, inverse, logSum };
  }

  /** Those of all rows as a row, float32 [1, P]: they are the columns' of a symmetric matrix. */
  ofColumns(): RowSummary {
    const [mean, inverse, logSum] = PARTS.map((part) =>
      tf.tensor2d(this.#values[part], [1, this.#values[part].length])
    );
    return { mean: mean!, inverse: inverse!, logSum: logSum! };
  }

  /** log softmax of a row where it has the similarity `value`. */
  logSoftmax(row: number, value: number): number {
    const { mean, inverse, logSum } = this.#values;
    return (value - mean[row]!) * inverse[row]! - logSum[row]!;
  }

  /** 1 / deviation of a row. */
  inverse(row: number): number {
    return this.#values.inverse[row]!;
  }
}
