/** What streaming asks of a backend: small maps and reductions over a block of rows, float32 [B, Q]. */
import * as tf from "@tensorflow/tfjs-core";
import { normaliseRows, rowStatistics } from "../contrast.ts";
import { inverseNorms, unitGradient } from "../unit.ts";

/** What is kept of a row, contrast-normalised or not, when its block is gone; all float32 [B, 1]. */
export interface RowSummary {
  /** Constants of the normalisation, z = (d - mean) * inverse; 0 and 1 without it. */
  readonly mean: tf.Tensor2D;
  readonly inverse: tf.Tensor2D;
  /** log sum exp z */
  readonly logSum: tf.Tensor2D;
}

/** What the gradient of a softmax needs of its rows. */
export interface GradientRows {
  readonly along: tf.Tensor2D;
  readonly inverse: tf.Tensor2D;
}

/** A backend's versions. Summaries of columns, [1, Q], may stand for those of rows: then z and p are transposed. */
export interface RowKernels {
  /** How many rows a block has. @param depth values per pixel */
  blockRows(columns: number, depth: number): number;
  /** x[indices], float32 [B, C]; `x` itself when that is all of it. @param indices ascending */
  takeRows(x: tf.Tensor2D, indices: Int32Array): tf.Tensor2D;
  /** The values of a block on the host, for reading before anything else is computed: perhaps no copy. */
  valuesOf(d: tf.Tensor2D): Float32Array;
  /** 1 / |x| by row, float32 [P, 1]; 0 for zero vectors. */
  inverseNorms(x: tf.Tensor2D): tf.Tensor2D;
  /** a b^T, columns times `columnScale` [1, Q], plus `offset` [B, 1]. @param factors [B, K] and [Q, K] */
  compare(factors: readonly [tf.Tensor2D, tf.Tensor2D], more: {
    readonly columnScale?: tf.Tensor2D | undefined;
    readonly offset?: tf.Tensor2D | undefined;
  }): tf.Tensor2D;
  /** @param contrast whether rows are contrast-normalised first (Kang et al. 2020, Eq. 4) */
  summarise(d: tf.Tensor2D, contrast: boolean): RowSummary;
  /** softmax(z), times `factor` [B, 1] */
  softmax(d: tf.Tensor2D, summary: RowSummary, factor?: tf.Tensor2D): tf.Tensor2D;
  /**
   * p (dp - along) inverse: the gradient with respect to d of what has the gradient `dp` with respect to p = softmax(z).
   * @param rows float32 [B, 1]; `along` is the sum of p dp over a row
   */
  softmaxGradient(p: tf.Tensor2D, dp: tf.Tensor2D, rows: GradientRows): tf.Tensor2D;
  /** sum + op(a) b, in `sum`'s memory where possible; `sum` is gone afterwards. */
  addProduct(
    sum: tf.Tensor2D,
    factors: readonly [tf.Tensor2D, tf.Tensor2D],
    transposeA: boolean,
  ): tf.Tensor2D;
  /** `values` [B, C] added to some rows of `sum`, in its memory where possible; `sum` is gone afterwards. */
  addRows(sum: tf.Tensor2D, indices: Int32Array, values: tf.Tensor2D): tf.Tensor2D;
  /** Adds `values[k]` to `block[k, columns[k]]`; as above. */
  addToCells(block: tf.Tensor2D, columns: Int32Array, values: Float32Array): tf.Tensor2D;
  /** From the gradient `sum` with respect to x / |x| to that with respect to x [P, C]; as above. */
  unitGradient(sum: tf.Tensor2D, x: tf.Tensor2D): tf.Tensor2D;
}

/** Whether ascending indices leave nothing out. */
function isRun(indices: Int32Array): boolean {
  return indices[indices.length - 1]! - indices[0]! === indices.length - 1;
}

function replace(sum: tf.Tensor2D, next: () => tf.Tensor): tf.Tensor2D {
  const result = tf.tidy(next) as tf.Tensor2D;
  sum.dispose();
  return result;
}

/** Bytes of a block where the products decide, and where the passes over it do and it should stay in the cache. */
const DEEP_BLOCK = 2 ** 23, SHALLOW_BLOCK = 2 ** 21, DEEP = 64;
/** A product gains nothing from more rows. */
const MOST_ROWS = 512;

/** Whether comparing pixels costs more than the passes over what comes out. @param depth values per pixel */
export function isDeep(depth: number): boolean {
  return depth > DEEP;
}

/** @param depth values per pixel */
export function blockRows(columns: number, depth: number): number {
  const bytes = isDeep(depth) ? DEEP_BLOCK : SHALLOW_BLOCK;
  return Math.min(MOST_ROWS, Math.max(1, Math.floor(bytes / (4 * columns))));
}

/** For every backend whose tensors can be read at once. */
export const portableRows: RowKernels = {
  blockRows,
  takeRows(x, indices) {
    if (indices.length === x.shape[0]) return x;
    if (!isRun(indices)) return tf.gather(x, tf.tensor1d(indices, "int32"));
    return tf.slice(x, [indices[0]!, 0], [indices.length, x.shape[1]]);
  },
  valuesOf: (d) => d.dataSync() as Float32Array,
  inverseNorms: (x) => inverseNorms(x) as tf.Tensor2D,
  compare([a, b], { columnScale, offset }) {
    return tf.tidy(() => {
      let d: tf.Tensor = tf.matMul(a, b, false, true);
      if (columnScale) d = tf.mul(d, columnScale);
      if (offset) d = tf.add(d, offset);
      return d as tf.Tensor2D;
    });
  },
  summarise(d, contrast) {
    return tf.tidy(() => {
      const [rows, columns] = d.shape;
      const cube = tf.reshape(d, [1, rows, columns]) as tf.Tensor3D;
      const column = (x: tf.Tensor) => tf.reshape(x, [rows, 1]) as tf.Tensor2D;
      if (!contrast) {
        return { mean: tf.zeros([rows, 1]), inverse: tf.ones([rows, 1]), logSum: column(tf.logSumExp(d, 1)) };
      }
      const statistics = rowStatistics(cube);
      const logSum = column(tf.logSumExp(normaliseRows(cube, statistics), 2));
      return { mean: column(statistics.mean), inverse: column(statistics.inverse), logSum };
    }) as unknown as RowSummary;
  },
  softmax: (d, { mean, inverse, logSum }, factor) =>
    tf.tidy(() => {
      const p = tf.exp(tf.sub(tf.mul(tf.sub(d, mean), inverse), logSum));
      return (factor ? tf.mul(p, factor) : p) as tf.Tensor2D;
    }),
  softmaxGradient: (p, dp, { along, inverse }) =>
    tf.tidy(() => tf.mul(tf.mul(p, tf.sub(dp, along)), inverse) as tf.Tensor2D),
  addProduct: (sum, [a, b], transposeA) =>
    replace(sum, () => tf.add(sum, tf.matMul(a, b, transposeA, false))),
  addRows: (sum, indices, values) =>
    replace(sum, () => {
      const width = sum.shape[1];
      const total = sum.dataSync().slice(), added = values.dataSync();
      indices.forEach((row, k) => {
        for (let c = 0; c < width; c++) total[row * width + c]! += added[k * width + c]!;
      });
      return tf.tensor(total, sum.shape);
    }),
  addToCells: (block, columns, values) =>
    replace(block, () => {
      const all = block.dataSync().slice();
      columns.forEach((column, k) => all[k * block.shape[1] + column]! += values[k]!);
      return tf.tensor(all, block.shape);
    }),
  unitGradient: (sum, x) =>
    replace(sum, () => {
      const inverse = inverseNorms(x);
      return unitGradient(sum, tf.mul(x, inverse), inverse);
    }),
};
