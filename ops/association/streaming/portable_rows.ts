/**
 * The row kernels for every backend whose tensors can be read at once. Think of it as the definition: plain
 * loops over copies on the host, one cell at a time. The faster kernels are tested against it. Sums over a
 * row are added in double precision here.
 */
import * as tf from "@tensorflow/tfjs-core";
import { EPSILON } from "../contrast.ts";
import { SMALLEST_NORM } from "../../unit.ts";
import { columnPeaks, rowPeaks } from "./peaks.ts";
import { blockRows, tileSide } from "./blocks.ts";
import type { Block, RowKernels, Rows } from "./row_kernels.ts";
import type { Softmax } from "./summaries.ts";

function valuesOf(x: tf.Tensor): Float32Array {
  return x.dataSync() as Float32Array;
}

/** The chosen rows as a tensor of their own, float32 [B, C]. */
function rowsOf({ of, indices }: Rows): tf.Tensor2D {
  return tf.gather(of, tf.tensor1d(indices, "int32"));
}

/** A tensor of `values` in the shape of `old`, which is disposed. */
function instead(old: tf.Tensor2D, values: Float32Array): tf.Tensor2D {
  const { shape } = old;
  old.dispose();
  return tf.tensor2d(values, shape);
}

/**
 * Visits every cell of D with its value, rounded as `Block` says: the scale to float32, then the product,
 * then the sum with the offset. @param visit `at` is the cell's place in the block, `scale` that of the cell
 */
function forEachCell(
  { values, rowScale, columnScale, offset }: Block,
  visit: (d: number, at: number, row: number, column: number, scale: number) => void,
): void {
  const [rows, columns] = values.shape;
  const raw = valuesOf(values);
  const [ofRows, ofColumns, offsets] = [rowScale, columnScale, offset].map((x) => x && valuesOf(x));
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const scale = Math.fround((ofRows?.[row] ?? 1) * (ofColumns?.[column] ?? 1));
      const product = Math.fround(raw[at]! * scale);
      visit(Math.fround(product + (offsets?.[row] ?? 0)), at, row, column, scale);
    }
  }
}

/** exp((d - mean) * inverse - logSum) of a row or column. */
function softmaxOf(softmax: Softmax): (d: number, k: number) => number {
  const [mean, inverse, logSum] = [softmax.mean, softmax.inverse, softmax.logSum].map(valuesOf);
  return (d, k) => Math.exp((d - mean![k]!) * inverse![k]! - logSum![k]!);
}

/**
 * float32 [P]: the value of `of` for every row of float32 [P, C], from where the row starts and ends in its
 * data.
 */
function byRow(x: tf.Tensor2D, of: (start: number, end: number) => number): tf.Tensor1D {
  const [rows, width] = x.shape;
  return tf.tensor1d(Float32Array.from({ length: rows }, (_, row) => of(row * width, (row + 1) * width)));
}

function dots(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor1D {
  const left = valuesOf(a), right = valuesOf(b);
  return byRow(a, (start, end) => {
    let sum = 0;
    for (let k = start; k < end; k++) sum += left[k]! * right[k]!;
    return sum;
  });
}

/** sum - factor x by row */
function less(sum: tf.Tensor2D, x: tf.Tensor2D, factor: Float32Array): tf.Tensor2D {
  const width = x.shape[1], pixels = valuesOf(x);
  return instead(sum, valuesOf(sum).map((value, k) => value - pixels[k]! * factor[Math.floor(k / width)]!));
}

/** sum[rows] + values */
function added(sum: tf.Tensor2D, values: Float32Array, rows: Int32Array): tf.Tensor2D {
  const total = valuesOf(sum).slice(), width = sum.shape[1];
  rows.forEach((row, k) => {
    for (let c = 0; c < width; c++) total[row * width + c]! += values[k * width + c]!;
  });
  return instead(sum, total);
}

/** See {@linkcode RowKernels}. */
export const portableRows: RowKernels = {
  blockRows,
  tileSide,
  inverseNorms: (x) =>
    tf.tidy(() => {
      const norms = valuesOf(dots(x, x)).map(Math.sqrt);
      return tf.tensor1d(
        norms.map((norm) => norm > 0 || Number.isNaN(norm) ? 1 / Math.max(norm, SMALLEST_NORM) : 0),
      );
    }),
  dots,
  compare: (a, b) => tf.tidy(() => tf.matMul(rowsOf(a), rowsOf(b), false, true)),
  summarise(block, { indices, contrast, summaries, columns }) {
    const [rows, width] = block.values.shape;
    const d = new Float32Array(rows * width);
    forEachCell(block, (value, at) => d[at] = value);
    rowPeaks(d, indices, summaries.peaks);
    if (columns) columnPeaks(d, indices, columns);
    indices.forEach((row, k) => {
      const values = d.subarray(k * width, (k + 1) * width);
      const top = summaries.peaks.values[row]!;
      const mean = contrast ? Math.fround(values.reduce((sum, value) => sum + value, 0) / width) : 0;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const inverse = contrast ? 1 / (Math.sqrt(squares / Math.max(1, width - 1)) + EPSILON) : 1;
      const powers = values.reduce((sum, value) => sum + Math.exp((value - top) * inverse), 0);
      summaries.mean[row] = mean;
      summaries.inverse[row] = inverse;
      summaries.logSum[row] = Math.log(powers) + (top - mean) * inverse;
    });
    return instead(block.values, d);
  },
  valuesOf,
  softmax(block, rows) {
    const p = softmaxOf(rows), factor = valuesOf(rows.factor);
    const result = new Float32Array(block.values.size);
    forEachCell(block, (d, at, row) => result[at] = p(d, row) * factor[row]!);
    return instead(block.values, result);
  },
  peakGradient(block, rows, columns) {
    const p = softmaxOf(rows), factor = valuesOf(rows.factor);
    const q = columns && softmaxOf(columns), others = columns && valuesOf(columns.factor);
    const result = new Float32Array(block.values.size);
    forEachCell(block, (d, at, row, column, scale) => {
      let g = (p(d, row) - Number(column === rows.places[row])) * factor[row]!;
      if (others?.[column]) g += (q!(d, column) - Number(row === columns!.places[column])) * others[column]!;
      result[at] = g * scale;
    });
    return instead(block.values, result);
  },
  softmaxGradient(block, slope, rows) {
    const p = softmaxOf(rows), [along, inverse, slopes] = [rows.along, rows.inverse, slope].map(valuesOf);
    const weights = new Float32Array(slope.size), gradient = new Float32Array(slope.size);
    const sums = new Float32Array(slope.shape[0]);
    forEachCell(block, (d, at, row, _, scale) => {
      const weight = p(d, row);
      const g = weight * (rows.alpha * slopes![at]! - along![row]!) * inverse![row]!;
      weights[at] = rows.alpha * weight;
      gradient[at] = g * scale;
      sums[row]! += g;
    });
    return {
      weights: instead(block.values, weights),
      gradient: instead(slope, gradient),
      sums: tf.tensor1d(sums),
    };
  },
  symmetricGradient({ product, there, back, row, column }, pixels) {
    const p = softmaxOf(pixels), { alpha, radial } = pixels;
    const [along, inverse, slopes, slopesBack] = [pixels.along, pixels.inverse, there, back].map(valuesOf);
    const scales = valuesOf(pixels.scale);
    const cells = () => new Float32Array(product.size);
    const gradient = cells(), weights = cells(), weightsBack = cells();
    valuesOf(product).forEach((raw, at) => {
      const i = row + Math.floor(at / product.shape[1]), j = column + at % product.shape[1];
      const scale = Math.fround(scales[i]! * scales[j]!);
      const d = Math.fround(raw * scale);
      weights[at] = alpha * p(d, i);
      weightsBack[at] = alpha * p(d, j);
      const ofRow = p(d, i) * (alpha * slopes![at]! - along![i]!) * inverse![i]!;
      const ofColumn = p(d, j) * (alpha * slopesBack![at]! - along![j]!) * inverse![j]!;
      gradient[at] = (ofRow + ofColumn) * scale;
      radial[i]! += gradient[at]! * raw;
      if (row !== column) radial[j]! += gradient[at]! * raw;
    });
    return {
      gradient: instead(there, gradient),
      weights: instead(back, weights),
      weightsBack: instead(product, weightsBack),
    };
  },
  addProduct: (sum, { a, b, transposeA, rows }) => {
    const product = tf.tidy(() => tf.matMul(a, rowsOf(b), transposeA, false));
    const result = added(sum, valuesOf(product), rows);
    product.dispose();
    return result;
  },
  add: (sum, values, rows) => added(sum, valuesOf(values), rows),
  across: (sum, x, inverseNorms) => {
    const along = valuesOf(dots(sum, x)), scales = valuesOf(inverseNorms);
    return less(sum, x, along.map((value, row) => value * scales[row]! ** 2));
  },
  subtract: (sum, x, factor) => less(sum, x, valuesOf(factor)),
  addToCells(block, columns, values) {
    const all = valuesOf(block).slice(), width = block.shape[1];
    columns.forEach((column, k) => {
      if (column >= 0) all[k * width + column]! += values[k]!;
    });
    return instead(block, all);
  },
};
