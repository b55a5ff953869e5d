/** One block of rows after the other, on the device: what a block makes is freed before the next. */
import * as tf from "@tensorflow/tfjs-core";

/** Some rows that lie together. */
export interface Block {
  readonly start: number;
  readonly count: number;
}

/** What blocks yield. */
export interface Streamed {
  /** By row, [B, ...]; together [rows, ...]. */
  readonly rows: readonly tf.Tensor2D[];
  /** Of all rows; together their sum. */
  readonly sums: readonly tf.Tensor2D[];
}

/** Calls `visit` with every block, joins the rows of its results and adds up their sums. */
export function overBlocks(
  { rows, blockRows }: { readonly rows: number; readonly blockRows: number },
  visit: (block: Block) => Streamed,
): Streamed {
  const joined: tf.Tensor2D[][] = [];
  let sums: tf.Tensor2D[] = [];
  for (let start = 0; start < rows; start += blockRows) {
    tf.tidy(() => {
      const made = visit({ start, count: Math.min(blockRows, rows - start) });
      made.rows.forEach((piece, k) => (joined[k] ??= []).push(tf.keep(tf.clone(piece))));
      const before = sums;
      sums = made.sums.map((sum, k) => tf.keep(before[k] ? tf.add(before[k], sum) : tf.clone(sum)));
      tf.dispose(before);
    });
  }
  return {
    rows: joined.map((pieces) => {
      const whole = pieces.length === 1 ? tf.clone(pieces[0]!) : tf.concat(pieces);
      tf.dispose(pieces);
      return whole;
    }),
    sums: sums.map((sum) => {
      const total = tf.clone(sum);
      sum.dispose();
      return total;
    }),
  };
}

/** The rows of a block. @param x [P, C] */
export function rowsOf(x: tf.Tensor2D, { start, count }: Block): tf.Tensor2D {
  return count === x.shape[0] ? x : tf.slice(x, [start, 0], [count, x.shape[1]]);
}
