/**
 * Streaming's row kernels on the WASM heap (ops/association/streaming/row_kernels.ts says what each
 * computes). A block is passed over once or twice, row by row, in its own memory, by a fused kernel of simd/:
 * scaling, softmax and gradient happen to four cells at a time while they are in registers. Here arguments
 * are turned into addresses, and results are read from the heap into the summaries.
 */
import * as tf from "@tensorflow/tfjs-core";
import { blockRows, isRun, tileSide } from "../../ops/association/streaming/blocks.ts";
import type { Block, RowKernels, Rows } from "../../ops/association/streaming/row_kernels.ts";
import type { Peaks } from "../../ops/association/streaming/peaks.ts";
import type { Softmax } from "../../ops/association/streaming/summaries.ts";
import { address, emptyTensor, heapView, integersOf } from "./heap.ts";
import { type Matrix, type Multiply, whole } from "./products.ts";
import { simd } from "./simd.ts";

/** A tensor's address; 0, which no tensor has, for an absent one. */
const place = (tensor: tf.Tensor | undefined) => tensor === undefined ? 0 : address(tensor);

/** A block's address, sides, scales and offset, as the kernels take them. */
function blockArguments({ values, rowScale, columnScale, offset }: Block): number[] {
  return [...sides(values), place(rowScale), place(columnScale), place(offset)];
}

function sides(values: tf.Tensor2D): number[] {
  return [address(values), ...values.shape];
}

function softmaxArguments({ mean, inverse, logSum }: Softmax): number[] {
  return [address(mean), address(inverse), address(logSum)];
}

/** The rows where they lie if their indices are consecutive, else a copy in the current scope. */
function matrixOf({ of, indices }: Rows): Matrix {
  const columns = of.shape[1], rows = indices.length;
  if (isRun(indices)) return { tensor: of, from: indices[0] ?? 0, rows, columns };
  const places = tf.tensor1d(indices, "int32");
  const copy = emptyTensor([rows, columns]) as tf.Tensor2D;
  simd("gatherRows", address(of), address(places), rows, columns, address(copy));
  return whole(copy);
}

/**
 * The same rows, a single one twice. A product with a single row or column takes another path and rounds
 * differently, so that the same cell would differ between blocks.
 */
function twoAtLeast(rows: Rows): Rows {
  const [only] = rows.indices;
  return rows.indices.length === 1 ? { ...rows, indices: Int32Array.of(only!, only!) } : rows;
}

/** float32 [count], whose values `fill` writes from the given address on. */
function filled(count: number, fill: (result: number) => void): tf.Tensor1D {
  const result = emptyTensor([count]) as tf.Tensor1D;
  fill(address(result));
  return result;
}

/**
 * Calls `run` with the peaks of the columns in the heap, and reads them back after: little beside a whole
 * block.
 */
function withColumns(columns: Peaks | undefined, run: (values: number, rows: number) => void): void {
  if (columns === undefined) return run(0, 0);
  // The kernel compares by `>`, which is false for NaN, so a column that was not compared yet is -Infinity
  // there.
  const values = tf.tensor1d(columns.values.map((value) => Number.isNaN(value) ? -Infinity : value));
  const rows = tf.tensor1d(columns.columns, "int32");
  run(address(values), address(rows));
  columns.values.set(heapView(values).map((value) => value === -Infinity ? NaN : value));
  columns.columns.set(integersOf(rows));
}

/**
 * The row kernels of a backend with these matrix products: one method for each, none of them long, in the
 * order of the interface.
 */
export function heapRows(multiply: Multiply): RowKernels {
  return {
    blockRows,
    tileSide,
    inverseNorms: (x) => filled(x.shape[0], (result) => simd("inverseNorms", ...sides(x), result)),
    dots(a, b) {
      const [rows, columns] = a.shape;
      return filled(rows, (result) => simd("rowDots", address(a), address(b), rows, columns, result));
    },
    compare(a, b) {
      const sides: [number, number] = [a.indices.length, b.indices.length];
      return tf.tidy(() => {
        const [left, right] = [twoAtLeast(a), twoAtLeast(b)];
        const values = emptyTensor([left.indices.length, right.indices.length]) as tf.Tensor2D;
        multiply([matrixOf(left), { ...matrixOf(right), transposed: true }], whole(values), false);
        return sides.includes(1) ? tf.slice(values, [0, 0], sides) : values;
      });
    },
    summarise(block, { indices, contrast, summaries, columns }) {
      const rows = indices.length;
      tf.tidy(() => {
        const peaks = emptyTensor([rows]), places = emptyTensor([rows], "int32");
        const statistics = emptyTensor([3, rows]);
        withColumns(columns, (values, rowsOfColumns) => {
          const outputs = [peaks, places, statistics].map((tensor) => address(tensor));
          const raised = [values, rowsOfColumns, indices[0]!];
          simd("summariseRows", ...blockArguments(block), Number(contrast), ...outputs, ...raised);
        });
        const [top, at, numbers] = [heapView(peaks), integersOf(places), heapView(statistics)];
        indices.forEach((row, k) => {
          const mean = numbers[k]!, inverse = numbers[rows + k]!;
          summaries.peaks.values[row] = top[k]!;
          summaries.peaks.columns[row] = Math.max(0, at[k]!);
          summaries.mean[row] = mean;
          summaries.inverse[row] = inverse;
          summaries.logSum[row] = Math.log(numbers[2 * rows + k]!) + (top[k]! - mean) * inverse;
        });
      });
      return block.values;
    },
    valuesOf: heapView,
    softmax(block, rows) {
      simd("softmaxRows", ...blockArguments(block), ...softmaxArguments(rows), address(rows.factor));
      return block.values;
    },
    peakGradient(block, rows, columns) {
      tf.tidy(() => {
        const peaks = [rows, ...columns ? [columns] : []].flatMap((softmax) => [
          ...softmaxArguments(softmax),
          address(softmax.factor),
          address(tf.tensor1d(softmax.places, "int32")),
        ]);
        simd("peakGradientTile", ...blockArguments(block), ...peaks, ...columns ? [] : [0, 0, 0, 0, 0]);
      });
      return block.values;
    },
    softmaxGradient(block, slope, rows) {
      const [d, ...more] = blockArguments(block);
      const sums = filled(slope.shape[0], (result) => {
        const along = address(rows.along);
        simd(
          "softmaxGradientRows",
          d!,
          address(slope),
          ...more,
          ...softmaxArguments(rows),
          along,
          result,
          rows.alpha,
        );
      });
      return { weights: block.values, gradient: slope, sums };
    },
    symmetricGradient({ product, there, back, row, column }, pixels) {
      tf.tidy(() => {
        const radial = tf.tensor1d(pixels.radial);
        const tile = [product, there, back].map((tensor) => address(tensor));
        const constants = [address(pixels.scale), ...softmaxArguments(pixels), address(pixels.along)];
        const places = [row, column, pixels.alpha, address(radial)];
        simd("symmetricGradientTile", ...tile, ...product.shape, ...constants, ...places);
        pixels.radial.set(heapView(radial));
      });
      return { gradient: there, weights: back, weightsBack: product };
    },
    addProduct(sum, { a, b, transposeA, rows }) {
      tf.tidy(() => {
        const factors = [{ ...whole(a), transposed: transposeA }, matrixOf(b)] as const;
        if (isRun(rows)) return multiply(factors, matrixOf({ of: sum, indices: rows }), true);
        const product = emptyTensor([rows.length, sum.shape[1]]) as tf.Tensor2D;
        multiply(factors, whole(product), false);
        addTo(sum, product, rows);
      });
      return sum;
    },
    add(sum, values, rows) {
      addTo(sum, values, rows);
      return sum;
    },
    across(sum, x, inverseNorms) {
      simd("acrossRows", address(sum), address(x), address(inverseNorms), ...sum.shape);
      return sum;
    },
    subtract(sum, x, factor) {
      simd("subtractRows", address(sum), address(x), address(factor), ...sum.shape);
      return sum;
    },
    addToCells(block, columns, values) {
      const all = heapView(block), width = block.shape[1];
      columns.forEach((column, k) => {
        if (column >= 0) all[k * width + column]! += values[k]!;
      });
      return block;
    },
  };
}

/** sum[rows] += values */
function addTo(sum: tf.Tensor2D, values: tf.Tensor2D, rows: Int32Array): void {
  tf.tidy(() => {
    const places = tf.tensor1d(rows, "int32");
    simd("addRows", address(sum), address(places), ...values.shape, address(values));
  });
}
