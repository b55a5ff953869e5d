/**
 * The similarity matrix D of two images. Think of a matrix that is only asked for parts: `compare` computes
 * some rows at some columns, now or again for the gradient, and `pull` takes the gradient of such a part back
 * to what D is computed from. There are three kinds of D:
 *
 * - a product, D = L R^T + o (negative KL divergence): dL += g R, dR += g^T L, do += row sums of g;
 * - a product at length 1 (cosine): the plain product is scaled cell by cell by 1 / |l| and 1 / |r|, so unit
 *   vectors are never stored. Its gradient is summed like that of the plain product, and `finish` subtracts
 *   the part along each vector when the sums are complete;
 * - any similarity by its `pairwise`, whose gradient tfjs takes part by part.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import { gradients } from "../../gradients.ts";
import type { Block, RowKernels } from "./row_kernels.ts";
import type { Sums } from "./sums.ts";
import { valuesAt } from "./summaries.ts";

/** D of two images: P rows, Q columns. */
export interface SimilarityRows {
  readonly rows: number;
  readonly columns: number;
  /** Rows of a block. */
  readonly blockRows: number;
  /** The side of a tile. */
  readonly tileRows: number;
  readonly tileColumns: number;
  /** 1 / |x| of the columns' pixels, float32 [Q], where D compares directions. */
  readonly columnScale?: tf.Tensor1D;
  /** The cells of some rows at some columns, both ascending. */
  compare(rows: Int32Array, columns: Int32Array): Block;
  /** The derivative of a cell of D by the cell of the plain product: 1, or 1 / (|l| |r|). */
  cellScale(row: number, column: number): number;
  /** Adds the gradients of the inputs that follow from the gradient of some cells' product. */
  pull(cells: Cells, sums: Sums): void;
  /** Completes the sums; called once, after the last `pull`. */
  finish(sums: Sums): void;
}

/** A gradient with respect to the product of some rows and columns. */
export interface Cells {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
  /** float32 [rows, columns] */
  readonly g: tf.Tensor2D;
  /**
   * float32 [rows]: the sums of `g` over these columns, if a kernel has computed them; else they are here.
   */
  readonly sums?: tf.Tensor1D;
}

/** What D is computed from; all float32, [P, K] or [Q, K]. */
export interface RowInputs {
  readonly left: tf.Tensor2D;
  readonly right: tf.Tensor2D;
  /** [P, 1] */
  readonly offset?: tf.Tensor2D;
}

/** 1 / |x| by row of a table, float32 [P]; a table's second call gives the tensor of the first. */
export type Norms = (x: tf.Tensor2D) => tf.Tensor1D;

/**
 * Remembers the norms of tables. They belong to the scope in which they were first asked for, so it must not
 * outlive that scope.
 */
export function normsOf(kernels: RowKernels): Norms {
  const known = new Map<tf.Tensor2D, tf.Tensor1D>();
  return (x) => {
    const norms = known.get(x) ?? kernels.inverseNorms(x);
    known.set(x, norms);
    return norms;
  };
}

/** Rows of `similarity` between the inputs' pixels. Norms are allocated in the current scope. */
export function similarityRows(
  similarity: Similarity,
  inputs: RowInputs,
  { kernels, norms }: { readonly kernels: RowKernels; readonly norms: Norms },
): SimilarityRows {
  const rows = inputs.left.shape[0], columns = inputs.right.shape[0];
  const product = similarity.product;
  return {
    rows,
    columns,
    blockRows: kernels.blockRows(columns),
    tileRows: kernels.tileSide(rows),
    tileColumns: kernels.tileSide(columns),
    ...product
      ? product.unit ? unitRows(inputs, kernels, norms) : productRows(inputs, kernels)
      : pairwiseRows(inputs, similarity),
  };
}

type Computed = Pick<SimilarityRows, "columnScale" | "compare" | "cellScale" | "pull" | "finish">;

/** D = left right^T + offset */
function productRows({ left, right, offset }: RowInputs, kernels: RowKernels): Computed {
  const offsets = offset?.dataSync().slice() as Float32Array | undefined;
  return {
    compare: (rows, columns) => ({
      values: kernels.compare({ of: left, indices: rows }, { of: right, indices: columns }),
      ...(offsets ? { offset: valuesAt(offsets, rows) } : {}),
    }),
    cellScale: () => 1,
    pull(cells, sums) {
      pullFactors({ left, right }, cells, sums);
      if (offset === undefined) return;
      const ofOffset = tf.reshape(cells.sums ?? tf.sum(cells.g, 1), [cells.rows.length, 1]);
      sums.add(offset, ofOffset as tf.Tensor2D, cells.rows);
    },
    finish() {},
  };
}

/** Adds g R to rows of the left factor's sum and g^T L to rows of the right one's. */
function pullFactors({ left, right }: RowInputs, { rows, columns, g }: Cells, sums: Sums): void {
  sums.addProduct(left, { a: g, b: { of: right, indices: columns }, transposeA: false, rows });
  sums.addProduct(right, { a: g, b: { of: left, indices: rows }, transposeA: true, rows: columns });
}

/**
 * D = left right^T at length 1. What `pull` sums is the gradient of scaled products; `finish` makes it that
 * of the vectors, by subtracting the part along each.
 */
function unitRows({ left, right }: RowInputs, kernels: RowKernels, norms: Norms): Computed {
  const [rowScale, columnScale] = [norms(left), norms(right)];
  const scales = [rowScale, columnScale].map((scale) => scale.dataSync().slice() as Float32Array);
  return {
    columnScale,
    compare: (rows, columns) => ({
      values: kernels.compare({ of: left, indices: rows }, { of: right, indices: columns }),
      rowScale: valuesAt(scales[0]!, rows),
      columnScale: valuesAt(scales[1]!, columns),
    }),
    cellScale: (row, column) => scales[0]![row]! * scales[1]![column]!,
    pull: (cells, sums) => pullFactors({ left, right }, cells, sums),
    finish(sums) {
      sums.acrossOnly(left, rowScale);
      if (right !== left) sums.acrossOnly(right, columnScale);
    },
  };
}

/** D of any similarity. Its own gradient is computed for each part. */
function pairwiseRows({ left, right }: RowInputs, similarity: Similarity): Computed {
  const pairwise = (...[a, b]: tf.Tensor[]) =>
    similarity.pairwise(tf.expandDims(a!) as tf.Tensor3D, tf.expandDims(b!) as tf.Tensor3D);
  // Always new tensors: both sides may be the same pixels, and each needs a gradient of its own.
  const some = (x: tf.Tensor2D, indices: Int32Array) => tf.gather(x, tf.tensor1d(indices, "int32"));
  return {
    compare: (rows, columns) => ({
      values: tf.squeeze(pairwise(some(left, rows), some(right, columns)), [0]),
    }),
    cellScale: () => 1,
    pull({ rows, columns, g }, sums) {
      const inputs = [some(left, rows), some(right, columns)];
      const [a, b] = gradients(() => pairwise(...inputs), inputs, tf.expandDims(g)).grads;
      sums.add(left, a! as tf.Tensor2D, rows);
      sums.add(right, b! as tf.Tensor2D, columns);
    },
    finish() {},
  };
}
