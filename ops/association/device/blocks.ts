/**
 * Going over the rows of D in blocks, on the device. Think of map and reduce: `visit` maps a block to
 * results. Those called `rows` are laid below each other, one block after the other; those called `sums` are
 * added up. Everything else is freed before the next block, so one block of D exists at a time.
 */
import * as tf from "@tensorflow/tfjs-core";

/** Consecutive rows: start, start + 1, ..., start + count - 1. */
export interface RowRange {
  readonly start: number;
  readonly count: number;
}

/** The results of one block, or of all blocks together. */
export interface BlockResults {
  /** Results that have a row for each row of the block, [B, ...]; of all blocks together, [rows, ...]. */
  readonly rows: readonly tf.Tensor2D[];
  /** Results to which every row adds; of all blocks together, their sum. */
  readonly sums: readonly tf.Tensor2D[];
}

/**
 * Calls `visit` for one block after the other, from the first row to the last, joins the `rows` of its
 * results and adds up their `sums`. `visit` runs in a tidy scope of its own: whatever it allocates and does
 * not return is freed with the block. The results belong to the caller's scope. No rows give empty lists.
 */
export function overBlocks(
  { rows, blockRows }: { readonly rows: number; readonly blockRows: number },
  visit: (block: RowRange) => BlockResults,
): BlockResults {
  const joined: tf.Tensor2D[][] = [];
  let sums: tf.Tensor2D[] = [];
  for (let start = 0; start < rows; start += blockRows) {
    tf.tidy(() => {
      const results = visit({ start, count: Math.min(blockRows, rows - start) });
      results.rows.forEach((piece, k) => (joined[k] ??= []).push(tf.keep(tf.clone(piece))));
      const before = sums;
      sums = results.sums.map((sum, k) => tf.keep(before[k] ? tf.add(before[k], sum) : tf.clone(sum)));
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

/** The rows of a block; `x` itself if the block is all of it. @param x [P, C] @returns [count, C] */
export function sliceRows(x: tf.Tensor2D, { start, count }: RowRange): tf.Tensor2D {
  return count === x.shape[0] ? x : tf.slice(x, [start, 0], [count, x.shape[1]]);
}
