/**
 * Where rows and columns of D have their maxima, on the host. Think of a running maximum: a row's is complete
 * with its block, a column's is raised by one block of rows after the other. The first of equal values wins,
 * on every backend.
 */

/** The largest value of every row (or column), and the place where it first occurs. */
export interface Peaks {
  /** Its place in the row or column; 0 where nothing was compared. */
  readonly columns: Int32Array;
  /** NaN where nothing could be compared. */
  readonly values: Float32Array;
}

/** Peaks of `rows` rows, of which none was compared yet. */
export function emptyPeaks(rows: number): Peaks {
  return { columns: new Int32Array(rows), values: new Float32Array(rows).fill(NaN) };
}

/**
 * Writes the peaks of some rows. NaN is never a peak. @param d float32 [B, Q], whole rows, those of `indices`
 */
export function rowPeaks(d: Float32Array, indices: Int32Array, { columns, values }: Peaks): void {
  const width = d.length / indices.length;
  for (let k = 0, from = 0; k < indices.length; k++, from += width) {
    let best = -Infinity, place = -1;
    for (let j = 0; j < width; j++) {
      const value = d[from + j]!;
      if (value > best) {
        best = value;
        place = j;
      }
    }
    const row = indices[k]!;
    columns[row] = Math.max(0, place);
    values[row] = place < 0 ? NaN : best;
  }
}

/**
 * Raises the peaks of all columns by some rows. An equal value does not replace an earlier one, so blocks
 * have to come in the order of their rows. @param d float32 [B, Q] @param indices ascending, also from call
 * to call
 */
export function columnPeaks(d: Float32Array, indices: Int32Array, { columns, values }: Peaks): void {
  const width = d.length / indices.length;
  for (let k = 0, from = 0; k < indices.length; k++, from += width) {
    const row = indices[k]!;
    for (let j = 0; j < width; j++) {
      const value = d[from + j]!;
      // Not `value > values[j]`, which no value is while that is NaN.
      if (!(value <= values[j]!) && value === value) {
        values[j] = value;
        columns[j] = row;
      }
    }
  }
}
