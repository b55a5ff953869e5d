/** Where rows and columns have their maxima, block by block. */
import assert from "node:assert/strict";
import { columnPeaks, emptyPeaks, rowPeaks } from "../../backends/ops/streaming/peaks.ts";

const ROWS = [[1, 5, 5], [7, 5, -2], [7, NaN, NaN]];

function inBlocks(sizes: readonly number[], visit: (d: Float32Array, indices: Int32Array) => void): void {
  let start = 0;
  for (const size of sizes) {
    const rows = ROWS.slice(start, start + size);
    visit(Float32Array.from(rows.flat()), Int32Array.from(rows, (_, k) => start + k));
    start += size;
  }
}

for (const sizes of [[3], [2, 1], [1, 1, 1]]) {
  Deno.test(`blocks of ${sizes.join(", ")} rows: the first of equal maxima counts, and NaN never`, () => {
    const rows = emptyPeaks(3), columns = emptyPeaks(3);
    inBlocks(sizes, (d, indices) => {
      rowPeaks(d, indices, rows);
      columnPeaks(d, indices, columns);
    });
    assert.deepEqual([...rows.columns], [1, 0, 0]);
    assert.deepEqual([...rows.values], [5, 7, 7]);
    assert.deepEqual([...columns.columns], [1, 0, 0]);
    assert.deepEqual([...columns.values], [7, 5, 5]);
  });
}

Deno.test("a row or column of which nothing can be compared has the maximum NaN", () => {
  const rows = emptyPeaks(2), columns = emptyPeaks(1);
  rowPeaks(Float32Array.of(NaN), Int32Array.of(1), rows);
  columnPeaks(Float32Array.of(NaN), Int32Array.of(1), columns);
  assert.deepEqual([...rows.values, ...columns.values], [NaN, NaN, NaN]);
  assert.deepEqual([...rows.columns, ...columns.columns], [0, 0, 0]);
});
