/** Streaming's row kernels on the WASM heap: a block is passed over once or twice, row by row, in its own memory. */
import * as tf from "@tensorflow/tfjs-core";
import type { Peaks } from "../ops/streaming/peaks.ts";
import {
  type Block,
  blockRows,
  isRun,
  type RowKernels,
  type Rows,
  type Softmax,
} from "../ops/streaming/row_kernels.ts";
import { address, emptyTensor, heapView, integersOf } from "./heap.ts";
import { type Matrix, type Multiply, whole } from "./products.ts";
import { simd } from "./simd.ts";

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

/** The rows where they lie if they follow each other, else a copy in the current scope. */
function matrixOf({ of, indices }: Rows): Matrix {
  const columns = of.shape[1], rows = indices.length;
  if (rows > 0 && isRun(indices)) return { tensor: of, from: indices[0]!, rows, columns };
  const copy = emptyTensor([rows, columns]) as tf.Tensor2D;
  const from = heapView(of), to = heapView(copy);
  indices.forEach((row, k) => to.set(from.subarray(row * columns, (row + 1) * columns), k * columns));
  return whole(copy);
}

/** float32 [P] that a kernel fills from the address of its values on. */
function filled(count: number, fill: (result: number) => void): tf.Tensor1D {
  const result = emptyTensor([count]) as tf.Tensor1D;
  fill(address(result));
  return result;
}

/** Raised column peaks travel to the heap and back: a row's worth beside a whole block. */
function withColumns(columns: Peaks | undefined, run: (values: number, rows: number) => void): void {
  if (columns === undefined) return run(0, 0);
  // The kernel's comparison is one that NaN never wins, so what was not compared yet is -Infinity there.
  const values = tf.tensor1d(columns.values.map((value) => Number.isNaN(value) ? -Infinity : value));
  const rows = tf.tensor1d(columns.columns, "int32");
  run(address(values), address(rows));
  columns.values.set(heapView(values).map((value) => value === -Infinity ? NaN : value));
  columns.columns.set(integersOf(rows));
}

/** The row kernels of a backend that multiplies by `multiply`. */
export function heapRows(multiply: Multiply): RowKernels {
  return {
    blockRows,
    inverseNorms: (x) => filled(x.shape[0], (result) => simd("inverseNorms", ...sides(x), result)),
    dots(a, b) {
      const [rows, columns] = a.shape;
      return filled(rows, (result) => simd("rowDots", address(a), address(b), rows, columns, result));
    },
    compare(a, b) {
      return tf.tidy(() => {
        const values = emptyTensor([a.indices.length, b.shape[0]]) as tf.Tensor2D;
        multiply([matrixOf(a), { ...whole(b), transposed: true }], whole(values), false);
        return values;
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
      simd("softmaxRows", ...blockArguments(block), ...softmaxArguments(rows), address(rows.factor), 0);
      return block.values;
    },
    peakGradient(block, rows) {
      tf.tidy(() => {
        const columns = address(tf.tensor1d(rows.columns, "int32"));
        const factor = address(rows.factor);
        simd("softmaxRows", ...blockArguments(block), ...softmaxArguments(rows), factor, columns);
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
    symmetricGradient({ values, columnScale }, [there, back], pixels) {
      const [d, rows, columns] = sides(values);
      simd(
        "symmetricGradientRows",
        d!,
        address(there),
        address(back),
        rows!,
        columns!,
        place(columnScale),
        ...softmaxArguments(pixels),
        address(pixels.along),
        pixels.first,
        pixels.alpha,
      );
      return { weights: values, gradient: there };
    },
    addProduct(sum, { a, b, transposeA, rows }) {
      tf.tidy(() => {
        const factors = [{ ...whole(a), transposed: transposeA }, matrixOf(b)] as const;
        if (rows === undefined || isRun(rows)) {
          const into = rows === undefined ? whole(sum) : matrixOf({ of: sum, indices: rows });
          if (into.rows > 0) multiply(factors, into, true);
          return;
        }
        const product = emptyTensor([rows.length, sum.shape[1]]) as tf.Tensor2D;
        multiply(factors, whole(product), false);
        addTo(sum, product, rows);
      });
      return sum;
    },
    addAcross(sum, { g, x, inverseNorms, rows }) {
      tf.tidy(() => {
        const { tensor, from, columns } = matrixOf(x);
        const own = address(tensor, from * columns), to = address(sum, rows[0]! * columns);
        simd("addAcross", to, address(g), own, address(inverseNorms), ...g.shape, 1, 0);
      });
      return sum;
    },
    add(sum, values, rows) {
      addTo(sum, values, rows);
      return sum;
    },
    across(sum, x, inverseNorms) {
      const own = address(sum);
      simd("addAcross", own, own, address(x), address(inverseNorms), ...sum.shape, 1, 1);
      return sum;
    },
    addToCells(block, columns, values) {
      const all = heapView(block), width = block.shape[1];
      columns.forEach((column, k) => all[k * width + column]! += values[k]!);
      return block;
    },
  };
}

function addTo(sum: tf.Tensor2D, values: tf.Tensor2D, rows?: Int32Array): void {
  const width = sum.shape[1];
  if (rows === undefined || isRun(rows)) {
    const to = address(sum, rows === undefined ? 0 : rows[0]! * width);
    simd("addAcross", to, address(values), 0, 0, ...values.shape, 1, 0);
    return;
  }
  const total = heapView(sum), added = heapView(values);
  for (let k = 0; k < rows.length; k++) {
    const to = rows[k]! * width, from = k * width;
    for (let c = 0; c < width; c++) total[to + c]! += added[from + c]!;
  }
}
