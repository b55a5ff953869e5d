/**
 * The similarity matrix D of two images by rows: a block of it is computed when it is asked for and again for the
 * gradient, so that the whole never exists.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import { nestedGradients } from "../nested_gradients.ts";
import type { Sums } from "./sums.ts";
import { isDeep, type RowKernels } from "./row_kernels.ts";

/** D of two images: P rows, Q columns. */
export interface SimilarityRows {
  readonly rows: number;
  readonly columns: number;
  /** Rows of a block. */
  readonly blockRows: number;
  /** Whether a block costs more than the passes over it. */
  readonly deep: boolean;
  /** float32 [B, Q] */
  compare(indices: Int32Array): tf.Tensor2D;
  /** Adds what `g` [B, Q], the gradient of these rows, means for the inputs. */
  pull(indices: Int32Array, g: tf.Tensor2D, sums: Sums): void;
}

/** What D is computed from; all float32, [P, K] or [Q, K]. */
export interface RowInputs {
  readonly left: tf.Tensor2D;
  readonly right: tf.Tensor2D;
  /** [P, 1] */
  readonly offset?: tf.Tensor2D;
}

/** Rows of `similarity` between the inputs' pixels. */
export function similarityRows(
  similarity: Similarity,
  inputs: RowInputs,
  kernels: RowKernels,
): SimilarityRows {
  const [columns, depth] = inputs.right.shape;
  const blockRows = kernels.blockRows(columns, depth);
  const shape = { rows: inputs.left.shape[0], columns, blockRows, deep: isDeep(depth) };
  const product = similarity.product;
  return {
    ...shape,
    ...product ? productRows(inputs, kernels, product.unit) : pairwiseRows(inputs, kernels, similarity),
  };
}

type Computed = Pick<SimilarityRows, "compare" | "pull">;

/** D = left right^T + offset, left and right at length 1 if `unit`; gradients are then those of the unit vectors. */
function productRows({ left, right, offset }: RowInputs, kernels: RowKernels, unit: boolean): Computed {
  const columnScale = unit ? tf.transpose(kernels.inverseNorms(right)) as tf.Tensor2D : undefined;
  const leftRows = (indices: Int32Array) => {
    const rows = kernels.takeRows(left, indices);
    return unit ? tf.mul(rows, kernels.inverseNorms(rows)) as tf.Tensor2D : rows;
  };
  return {
    compare: (indices) =>
      tf.tidy(() =>
        kernels.compare([leftRows(indices), right], {
          columnScale,
          offset: offset && kernels.takeRows(offset, indices),
        })
      ),
    pull: (indices, g, sums) =>
      tf.tidy(() => {
        const scaled = columnScale ? tf.mul(g, columnScale) as tf.Tensor2D : g;
        sums.addRows(left, indices, tf.matMul(scaled, right));
        sums.addProduct(right, [g, leftRows(indices)], true);
        if (offset) sums.addRows(offset, indices, tf.sum(g, 1, true));
      }),
  };
}

/** D of any similarity, whose own gradient is asked for each block. */
function pairwiseRows({ left, right }: RowInputs, kernels: RowKernels, similarity: Similarity): Computed {
  const pairwise = (...[a, b]: tf.Tensor[]) =>
    similarity.pairwise(tf.expandDims(a!) as tf.Tensor3D, tf.expandDims(b!) as tf.Tensor3D);
  return {
    compare: (indices) => tf.tidy(() => tf.squeeze(pairwise(kernels.takeRows(left, indices), right), [0])),
    pull: (indices, g, sums) =>
      tf.tidy(() => {
        // A clone, because the rows may be `right` itself, and each is to have its own gradient.
        const [a, b] = nestedGradients(
          pairwise,
          [tf.clone(kernels.takeRows(left, indices)), right],
          tf.expandDims(g),
        );
        sums.addRows(left, indices, a! as tf.Tensor2D);
        sums.addRows(right, everyRow(right.shape[0]), b! as tf.Tensor2D);
      }),
  };
}

/** 0 .. count - 1 */
export function everyRow(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, k) => k);
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
