/**
 * Going over D in pieces. A block is some whole rows: as many as fit a cache, so that a row is summarised
 * while it is there. A tile is a square of rows and columns, for gradients: it is large enough that products
 * over it are as good as whole ones, and needs no summary, because the rows have theirs already.
 */
import * as tf from "@tensorflow/tfjs-core";

/** 0, 1, ..., count - 1 */
export function everyRow(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let k = 0; k < count; k++) rows[k] = k;
  return rows;
}

/**
 * Calls `visit` with the indices in pieces of `size` (the last may be shorter), and with the place of a
 * piece's first index among all. Every call has a tidy scope of its own: tensors that it allocates are freed,
 * except those it keeps. No indices, no call.
 */
export function forEachBlock(
  indices: Int32Array,
  size: number,
  visit: (block: Int32Array, start: number) => void,
): void {
  for (let start = 0; start < indices.length; start += size) {
    tf.tidy(() => visit(indices.subarray(start, start + size), start));
  }
}

/**
 * Whether ascending indices are consecutive numbers; true of none. Kernels then take a slice instead of
 * gathering rows.
 */
export function isRun(indices: Int32Array): boolean {
  return indices.length === 0 || indices[indices.length - 1]! - indices[0]! === indices.length - 1;
}

/** Bytes of a block, 16 MiB: enough rows for an efficient product, few enough that it stays in a cache. */
const BLOCK = 2 ** 24;
/** Rows of a block at most: with more of them a product is not faster. */
const MOST_ROWS = 512;

/** As {@linkcode RowKernels.blockRows}. */
export function blockRows(columns: number): number {
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(BLOCK / (4 * columns))));
}

/**
 * The side of a tile, about: products over tiles are as fast as whole ones, and the three tiles that exist at
 * once take 13 MB.
 */
const TILE = 1056;

/** As {@linkcode RowKernels.tileSide}: the pixels divided into equal parts of about 1056. */
export function tileSide(pixels: number): number {
  return Math.ceil(pixels / Math.max(1, Math.round(pixels / TILE)));
}
