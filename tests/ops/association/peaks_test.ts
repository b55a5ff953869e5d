/** Where rows and columns have their maxima, block by block, on the host and in the heap. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { nativeMultiply } from "../../../backends/native/products.ts";
import { emptyPeaks, type Peaks } from "../../../ops/association/streaming/peaks.ts";
import { portableRows } from "../../../ops/association/streaming/portable_rows.ts";
import { Summaries } from "../../../ops/association/streaming/summaries.ts";
import { heapRows } from "../../../backends/wasm/rows.ts";
import { backendTest } from "../../goldens.ts";

const KERNELS = { portable: portableRows, heap: heapRows(nativeMultiply) };

interface Found {
  readonly rows: Peaks;
  readonly columns: Peaks;
}

/** @param rows of D @param sizes rows of each block */
function peaksOf(
  rows: readonly (readonly number[])[],
  sizes: readonly number[],
  how: keyof typeof KERNELS,
): Found {
  const summaries = new Summaries(rows.length), columns = emptyPeaks(rows[0]!.length);
  let start = 0;
  for (const size of sizes) {
    const block = rows.slice(start, start + size).map((row) => [...row]);
    const indices = Int32Array.from(block, (_, k) => start + k);
    tf.tidy(() => {
      const values = tf.tensor2d(block);
      KERNELS[how].summarise({ values }, { indices, contrast: false, summaries, columns });
    });
    start += size;
  }
  return { rows: summaries.peaks, columns };
}

/** Wide enough that vectors of four and a rest are read. */
const ROWS = [[1, 5, 5, 0, 0, 0, 0], [7, 5, -2, -9, -9, -9, 7], [7, NaN, NaN, NaN, NaN, NaN, 6]];

for (const how of ["portable", "heap"] as const) {
  for (const sizes of [[3], [2, 1], [1, 1, 1]]) {
    backendTest(
      "native",
      `${how}, blocks of ${sizes}: the first of equal maxima counts, and NaN never`,
      () => {
        const { rows, columns } = peaksOf(ROWS, sizes, how);
        assert.deepEqual([...rows.columns], [1, 0, 0]);
        assert.deepEqual([...rows.values], [5, 7, 7]);
        assert.deepEqual([...columns.columns], [1, 0, 0, 0, 0, 0, 1]);
        assert.deepEqual([...columns.values], [7, 5, 5, 0, 0, 0, 7]);
        return Promise.resolve();
      },
    );
  }

  backendTest("native", `${how}: where nothing can be compared the maximum is NaN`, () => {
    const { rows, columns } = peaksOf([[NaN], [NaN]], [2], how);
    assert.deepEqual([...rows.values, ...columns.values], [NaN, NaN, NaN]);
    assert.deepEqual([...rows.columns, ...columns.columns], [0, 0, 0]);
    return Promise.resolve();
  });
}
