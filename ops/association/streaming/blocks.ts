/**
 * Going over D in pieces. A block is some whole rows: as many as fit a cache, so that a row is summarised
 * while it is there. A tile is a square of rows and columns, for gradients: it is large enough that products
 * over it are as good as whole ones, and needs no summary, because the rows have theirs already.
 */
import * as tf from "@tensorflow/tfjs-core";

/** 0 .. count - 1 */
export function everyRow(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let k = 0; k < count; k++) rows[k] = k;
  return rows;
}

/** Calls back with the rows of one block after the other, in a scope of its own. */
export function forEachBlock(
  indices: Int32Array,
  size: number,
  visit: (block: Int32Array, start: number) => void,
): void {
  for (let start = 0; start < indices.length; start += size) {
    tf.tidy(() => visit(indices.subarray(start, start + size), start));
  }
}

/** Whether ascending indices leave nothing out. */
export function isRun(indices: Int32Array): boolean {
  return indices.length === 0 || indices[indices.length - 1]! - indices[0]! === indices.length - 1;
}

/** Bytes of a block: enough rows that a product is worth it, few enough to stay in a cache. */
const BLOCK = 2 ** 24;
/** A product gains nothing from more rows. */
const MOST_ROWS = 512;

/** As {@linkcode RowKernels.blockRows}. */
export function blockRows(columns: number): number {
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(BLOCK / (4 * columns))));
}

/** The side of a tile: products over it are as good as whole ones, and three tiles are little memory. */
const TILE = 1056;

/** As {@linkcode RowKernels.tileSide}. */
export function tileSide(pixels: number): number {
  return Math.ceil(pixels / Math.max(1, Math.round(pixels / TILE)));
}
