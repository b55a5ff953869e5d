/**
 * What a backend has to compute for streaming: products, and what is done to a block or tile of D while it
 * exists. Think of D as never formed. A block is the plain product of features; every kernel scales and
 * shifts its cells on the fly, with constants of the row from its summary, and writes its result over the
 * product. So a block is written once by the product and once by one kernel, and there is no third copy.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Peaks } from "./peaks.ts";
import type { Softmax, Summaries } from "./summaries.ts";

/**
 * Some rows of a table, float32 [P, C]. Rows are named by index, so that only those with a weight are
 * multiplied.
 */
export interface Rows {
  readonly of: tf.Tensor2D;
  /** Ascending. */
  readonly indices: Int32Array;
}

/**
 * Cells of D in the form in which a product gives them: D = values * (rowScale * columnScale) + offset. An
 * absent scale is 1, an absent offset 0. Every kernel computes a cell with these three roundings to float32,
 * in this order: where all cells of a row are alike, a difference in rounding between two kernels would be
 * divided by next to nothing (see ../contrast.ts).
 */
export interface Block {
  /** float32 [B, Q] */
  readonly values: tf.Tensor2D;
  /** float32 [B] */
  readonly rowScale?: tf.Tensor1D;
  /** float32 [Q] */
  readonly columnScale?: tf.Tensor1D;
  /** float32 [B] */
  readonly offset?: tf.Tensor1D;
}

/** A softmax of rows (or of columns), with the cells where its peaks are. */
export interface PeakedSoftmax extends Softmax {
  /** float32 [B] or [Q]: factors of the rows' gradients; 0 for a row without a weight. */
  readonly factor: tf.Tensor1D;
  /** The place of each peak among the block's columns (rows), -1 if it lies outside of the block. */
  readonly places: Int32Array;
}

/** Which rows a block holds, and where their summaries go. */
export interface SummaryCall {
  /** The block's rows in D. */
  readonly indices: Int32Array;
  /** Whether rows are contrast-normalised first (Kang et al. 2020, Eq. 5-6). */
  readonly contrast: boolean;
  /** Receives the summaries of these rows. */
  readonly summaries: Summaries;
  /**
   * Receives the peaks of the columns, raised by these rows; calls have to come in the order of their rows.
   */
  readonly columns?: Peaks;
}

/** A product op(a) b that is added to `rows` of a sum; op transposes `a` if `transposeA` is set. */
export interface Product {
  readonly a: tf.Tensor2D;
  readonly b: Rows;
  readonly transposeA: boolean;
  readonly rows: Int32Array;
}

/** A tile of a symmetric D(x, x): its product, and the slopes dy_i x_j and x_i dy_j; all float32 [B, Q]. */
export interface Tile {
  readonly product: tf.Tensor2D;
  readonly there: tf.Tensor2D;
  readonly back: tf.Tensor2D;
  /** The first pixel of the rows and of the columns. */
  readonly row: number;
  readonly column: number;
}

/** What the gradient of a tile depends on: numbers of all pixels of the image, float32 [P] each. */
export interface TilePixels extends Softmax {
  /** 1 / |x|: D compares directions. */
  readonly scale: tf.Tensor1D;
  /** The sum over the row of weight * dWeight. */
  readonly along: tf.Tensor1D;
  readonly alpha: number;
  /** Each pixel's part is added in place: x . (gradient of x by the plain product), the part along x. */
  readonly radial: Float32Array;
}

/** The results of {@linkcode RowKernels.symmetricGradient}; float32 [B, Q]. */
export interface TileGradient {
  /** The gradient with respect to the plain product, through the softmax of rows and that of columns. */
  readonly gradient: tf.Tensor2D;
  /** alpha p_ij and alpha p_ji */
  readonly weights: tf.Tensor2D;
  readonly weightsBack: tf.Tensor2D;
}

/**
 * The kernels. An argument called `block`, `slope` or `sum`, and every tensor of a `tile`, is consumed: its
 * memory may become the result's, and the tensor is disposed. Peaks follow the rule that the first of equal
 * values wins, on every backend, so that all backends follow the same cycles.
 */
export interface RowKernels {
  /** How many rows a block has. */
  blockRows(columns: number): number;
  /** How many rows or columns of so many pixels a tile has. */
  tileSide(pixels: number): number;
  /** 1 / |x| by row, float32 [P]; 0 for zero vectors. */
  inverseNorms(x: tf.Tensor2D): tf.Tensor1D;
  /** a_p . b_p, float32 [P] */
  dots(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor1D;
  /** a b^T, float32 [B, Q] */
  compare(a: Rows, b: Rows): tf.Tensor2D;
  /** D of a block of whole rows, written over it; their summaries go to `to.summaries`. */
  summarise(block: Block, to: SummaryCall): tf.Tensor2D;
  /**
   * The values of a block on the host. It may be a view of the backend's own memory: read it before anything
   * else is computed.
   */
  valuesOf(d: tf.Tensor2D): Float32Array;
  /** factor [B] * softmax(z) */
  softmax(block: Block, rows: Softmax & { readonly factor: tf.Tensor1D }): tf.Tensor2D;
  /**
   * The gradient, with respect to the product, of how far the peaks of rows (and of columns of a symmetric D)
   * stand out:
   * (factor_i (p_ij - 1[j = place_i]) + factor_j (p_ji - 1[i = place_j])) rowScale_i columnScale_j, p_ij the
   * softmax of row i, p_ji that of column j.
   */
  peakGradient(block: Block, rows: PeakedSoftmax, columns?: PeakedSoftmax): tf.Tensor2D;
  /**
   * Through the softmax of rows. `weights`: alpha p, where p = softmax(z). `gradient`: from `slope`, the
   * gradient with respect to these weights, that with respect to the product, p (alpha slope - along) inverse
   * rowScale columnScale. `sums` [B]: the same without the scales, summed over the row: the gradient of the
   * offset.
   * @param rows `along` [B] is the sum of alpha p slope over the whole row of D
   */
  softmaxGradient(
    block: Block,
    slope: tf.Tensor2D,
    rows: Softmax & { readonly along: tf.Tensor1D; readonly alpha: number },
  ): { readonly weights: tf.Tensor2D; readonly gradient: tf.Tensor2D; readonly sums: tf.Tensor1D };
  /**
   * The same for rows and columns of a symmetric D(x, x) at once, from the products of pixels; see {@linkcode
   * TileGradient}. The tile is consumed.
   */
  symmetricGradient(tile: Tile, pixels: TilePixels): TileGradient;
  /** sum[rows] + op(a) b */
  addProduct(sum: tf.Tensor2D, product: Product): tf.Tensor2D;
  /** sum[rows] + values */
  add(sum: tf.Tensor2D, values: tf.Tensor2D, rows: Int32Array): tf.Tensor2D;
  /** sum - u (u . sum) with u = x / |x| */
  across(sum: tf.Tensor2D, x: tf.Tensor2D, inverseNorms: tf.Tensor1D): tf.Tensor2D;
  /** sum - factor x @param factor float32 [P] */
  subtract(sum: tf.Tensor2D, x: tf.Tensor2D, factor: tf.Tensor1D): tf.Tensor2D;
  /** Adds `values[k]` to `block[k, columns[k]]`, nothing where that column is -1. */
  addToCells(block: tf.Tensor2D, columns: Int32Array, values: Float32Array): tf.Tensor2D;
}
