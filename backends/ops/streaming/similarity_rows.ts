/**
 * The similarity matrix D of two images by rows: a block of it is computed when it is asked for and again for the
 * gradient, so that the whole never exists.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import type { Block, RowKernels } from "./row_kernels.ts";
import type { Sums } from "./sums.ts";
import { valuesAt } from "./summaries.ts";

/** D of two images: P rows, Q columns. */
export interface SimilarityRows {
  readonly rows: number;
  readonly columns: number;
  /** Rows of a block. */
  readonly blockRows: number;
  /** 1 / |x| of the columns' pixels, float32 [Q], where D compares directions. */
  readonly columnScale?: tf.Tensor1D;
  compare(indices: Int32Array): Block;
  /** What a gradient with respect to a cell of D is multiplied with to be one with respect to the product. */
  cellScale(row: number, column: number): number;
  /** Adds what `g` [B, Q], the gradient of these rows' product, means for the inputs. */
  pull(indices: Int32Array, g: tf.Tensor2D, sums: Sums): void;
  /** When all rows have pulled. */
  finish(sums: Sums): void;
}

/** What D is computed from; all float32, [P, K] or [Q, K]. */
export interface RowInputs {
  readonly left: tf.Tensor2D;
  readonly right: tf.Tensor2D;
  /** [P, 1] */
  readonly offset?: tf.Tensor2D;
}

/** Rows of `similarity` between the inputs' pixels. Allocates in the current scope. */
export function similarityRows(
  similarity: Similarity,
  inputs: RowInputs,
  kernels: RowKernels,
): SimilarityRows {
  const rows = inputs.left.shape[0], columns = inputs.right.shape[0];
  const product = similarity.product;
  return {
    rows,
    columns,
    blockRows: kernels.blockRows(columns),
    ...product
      ? product.unit ? unitRows(inputs, kernels) : productRows(inputs, kernels)
      : pairwiseRows(inputs, similarity),
  };
}

type Computed = Omit<SimilarityRows, "rows" | "columns" | "blockRows">;

/** D = left right^T + offset */
function productRows({ left, right, offset }: RowInputs, kernels: RowKernels): Computed {
  const offsets = offset?.dataSync() as Float32Array | undefined;
  return {
    compare: (indices) => ({
      values: kernels.compare({ of: left, indices }, right),
      ...(offsets ? { offset: valuesAt(offsets, indices) } : {}),
    }),
    cellScale: () => 1,
    pull(indices, g, sums) {
      pullFactors({ left, right }, { indices, g, sums });
      if (offset) sums.add(offset, tf.sum(g, 1, true) as tf.Tensor2D, indices);
    },
    finish() {},
  };
}

function pullFactors(
  { left, right }: Pick<RowInputs, "left" | "right">,
  { indices, g, sums }: { readonly indices: Int32Array; readonly g: tf.Tensor2D; readonly sums: Sums },
): void {
  const all = everyRow(right.shape[0]);
  sums.addProduct(left, { a: g, b: { of: right, indices: all }, transposeA: false, rows: indices });
  sums.addProduct(right, { a: g, b: { of: left, indices }, transposeA: true });
}

/** D = left right^T at length 1: sums of gradients are taken across the vectors when they are complete. */
function unitRows({ left, right }: RowInputs, kernels: RowKernels): Computed {
  const columnScale = kernels.inverseNorms(right);
  const rowScale = left === right ? columnScale : kernels.inverseNorms(left);
  const scales = [rowScale, columnScale].map((scale) => scale.dataSync().slice() as Float32Array);
  return {
    columnScale,
    compare: (indices) => ({
      values: kernels.compare({ of: left, indices }, right),
      rowScale: valuesAt(scales[0]!, indices),
      columnScale,
    }),
    cellScale: (row, column) => scales[0]![row]! * scales[1]![column]!,
    pull: (indices, g, sums) => pullFactors({ left, right }, { indices, g, sums }),
    finish(sums) {
      sums.acrossOnly(left, rowScale);
      if (right !== left) sums.acrossOnly(right, columnScale);
    },
  };
}

/** D of any similarity, whose own gradient is asked for each block. */
function pairwiseRows({ left, right }: RowInputs, similarity: Similarity): Computed {
  const pairwise = (...[a, b]: tf.Tensor[]) =>
    similarity.pairwise(tf.expandDims(a!) as tf.Tensor3D, tf.expandDims(b!) as tf.Tensor3D);
  // Always a new tensor: the rows may be `right` itself, and each is to have its own gradient.
  const leftRows = (indices: Int32Array) => tf.gather(left, tf.tensor1d(indices, "int32")) as tf.Tensor2D;
  return {
    compare: (indices) => ({ values: tf.squeeze(pairwise(leftRows(indices), right), [0]) }),
    cellScale: () => 1,
    pull(indices, g, sums) {
      const [a, b] = nestedGradients(pairwise, [leftRows(indices), right], tf.expandDims(g));
      sums.add(left, a! as tf.Tensor2D, indices);
      sums.add(right, b! as tf.Tensor2D);
    },
    finish() {},
  };
}

/** Gradients of `f` within the gradient of something else, whose tape tfjs would drop. */
function nestedGradients(f: (...xs: tf.Tensor[]) => tf.Tensor, xs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const { state } = tf.engine();
  const outer = state.activeTape!;
  try {
    return tf.grads(f)(xs, dy);
  } finally {
    state.activeTape = outer;
  }
}

/** 0 .. count - 1 */
export function everyRow(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let k = 0; k < count; k++) rows[k] = k;
  return rows;
}

/** Calls back with the rows of one block after the other, in a scope of its own. */
export function forEachBlock(
  { blockRows }: SimilarityRows,
  indices: Int32Array,
  visit: (block: Int32Array, start: number) => void,
): void {
  for (let start = 0; start < indices.length; start += blockRows) {
    tf.tidy(() => visit(indices.subarray(start, start + blockRows), start));
  }
}
