/**
 * What streaming asks of a backend: products, and what is done to a block or tile of D while it is there.
 * Think of D as never formed: a block is the product of features as it came out, and every kernel scales and
 * shifts its cells on the fly, with constants of the row from its summary, and writes over the product what
 * it makes of it.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Peaks } from "./peaks.ts";
import type { Softmax, Summaries } from "./summaries.ts";

/** Some rows of a table, float32 [P, C]. */
export interface Rows {
  readonly of: tf.Tensor2D;
  /** Ascending. */
  readonly indices: Int32Array;
}

/**
 * Rows of D as a product gave them: D = values * (rowScale * columnScale) + offset; what is absent is 1 or 0.
 * Kernels round every D alike: where all values of a row are, differences of rounding would be divided by
 * next to nothing.
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

/** Rows or columns whose peaks count. */
export interface PeakedSoftmax extends Softmax {
  /** 0 where a peak does not count. */
  readonly factor: tf.Tensor1D;
  /** Where the peak lies in the block, -1 where it does not. */
  readonly places: Int32Array;
}

/** What is summarised, and where to. */
export interface SummaryCall {
  /** The block's rows in D. */
  readonly indices: Int32Array;
  /** Whether rows are contrast-normalised first (Kang et al. 2020, Eq. 5-6). */
  readonly contrast: boolean;
  /** Receives the rows'. */
  readonly summaries: Summaries;
  /** Raised by these rows, which follow those of the call before. */
  readonly columns?: Peaks;
}

/** A product to add; `rows` are those of the sum it belongs to. */
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

/** What a tile's gradient needs of all pixels, float32 [P] each. */
export interface TilePixels extends Softmax {
  /** 1 / |x|: D compares directions. */
  readonly scale: tf.Tensor1D;
  /** The sum over the row of weight * dWeight. */
  readonly along: tf.Tensor1D;
  readonly alpha: number;
  /** Raised in place: x . gradient of x, which only changes lengths. */
  readonly radial: Float32Array;
}

/** What becomes of a tile; float32 [B, Q]. */
export interface TileGradient {
  /** With respect to the product, of both weights. */
  readonly gradient: tf.Tensor2D;
  /** alpha p_ij and alpha p_ji */
  readonly weights: tf.Tensor2D;
  readonly weightsBack: tf.Tensor2D;
}

/**
 * A backend's versions. Memory of the arguments called `block`, `slope`, `slopes` and `sum` is used for the
 * results where that is possible; those tensors are gone afterwards.
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
  /** The block's D, and what is kept of it. */
  summarise(block: Block, to: SummaryCall): tf.Tensor2D;
  /** The values of a block on the host, for reading before anything else is computed: perhaps no copy. */
  valuesOf(d: tf.Tensor2D): Float32Array;
  /** factor [B] * softmax(z) */
  softmax(block: Block, rows: Softmax & { readonly factor: tf.Tensor1D }): tf.Tensor2D;
  /**
   * How the peaks of rows, and of columns of a symmetric D, stand out, as a gradient of the product:
   * (factor_i (p_ij - 1[j = place_i]) + factor_j (p_ji - 1[i = place_j])) rowScale_i columnScale_j, p_ij the
   * softmax of row i, p_ji that of column j.
   */
  peakGradient(block: Block, rows: PeakedSoftmax, columns?: PeakedSoftmax): tf.Tensor2D;
  /**
   * The weights alpha p, p = softmax(z), and of what has the gradient `slope` with respect to them the
   * gradient with respect to the product: p (alpha slope - along) inverse rowScale columnScale; `sums` [B]:
   * that of the offset.
   * @param rows `along` [B] is the sum of alpha p slope over the row
   */
  softmaxGradient(
    block: Block,
    slope: tf.Tensor2D,
    rows: Softmax & { readonly along: tf.Tensor1D; readonly alpha: number },
  ): { readonly weights: tf.Tensor2D; readonly gradient: tf.Tensor2D; readonly sums: tf.Tensor1D };
  /** The same for rows and columns of a symmetric D at once. The tile is gone afterwards. */
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
