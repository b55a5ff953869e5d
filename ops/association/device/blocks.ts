/**
 * Going over the rows of D in blocks, on the device. Think of map and reduce: of what a block yields, `rows`
 * are laid below each other and `sums` are added up; everything else is freed before the next block.
 */
import * as tf from "@tensorflow/tfjs-core";

/** Some rows that lie together. */
export interface RowRange {
  readonly start: number;
  readonly count: number;
}

/** What blocks yield. */
export interface BlockResults {
  /** By row, [B, ...]; together [rows, ...]. */
  readonly rows: readonly tf.Tensor2D[];
  /** Of all rows; together their sum. */
  readonly sums: readonly tf.Tensor2D[];
}

/** Calls `visit` with every block, joins the rows of its results and adds up their sums. */
export function overBlocks(
  { rows, blockRows }: { readonly rows: number; readonly blockRows: number },
  visit: (block: RowRange) => BlockResults,
): BlockResults {
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
export function sliceRows(x: tf.Tensor2D, { start, count }: RowRange): tf.Tensor2D {
  return count === x.shape[0] ? x : tf.slice(x, [start, 0], [count, x.shape[1]]);
}
