/**
 * Rows of a similarity matrix, one after the other while they lie in the nearest cache. A matrix is what a product
 * gave: D = raw * (rowScale * columnScale) + offset; an address of 0 stands for a factor of 1 or an offset of 0.
 * Every kernel rounds D alike, forward and again for the gradient: where all values of a row are equal, a
 * difference in rounding would be divided by next to nothing.
 *
 * `summariseRows` reads a row from memory once; maximum, mean, deviation and sum of powers are four passes over it
 * in the cache. The first of equal maxima wins, also between the four lanes of a register.
 */
import { bytes, CHUNK, exp1, exp4, total } from "./math";

/** From the product to D, in place. */
@inline
function resolve(row: usize, columns: i32, scale: f32, columnScale: usize, offset: f32): void {
  const scales = f32x4.splat(scale), offsets = f32x4.splat(offset);
  let j = 0;
  for (; j <= columns - 4; j += 4) {
    const at = row + bytes(j);
    const both = columnScale ? f32x4.mul(v128.load(columnScale + bytes(j)), scales) : scales;
    v128.store(at, f32x4.add(f32x4.mul(v128.load(at), both), offsets));
  }
  for (; j < columns; j++) {
    const at = row + bytes(j);
    const both = columnScale ? load<f32>(columnScale + bytes(j)) * scale : scale;
    store<f32>(at, load<f32>(at) * both + offset);
  }
}

/** The first of the largest values and its place; a row of nothing but NaN has the place -1. */
@inline
function peak(row: usize, columns: i32, value: usize, place: usize): void {
  let best = f32x4.splat(-Infinity), places = i32x4.splat(-1), here = i32x4(0, 1, 2, 3);
  let j = 0;
  for (; j <= columns - 4; j += 4) {
    const values = v128.load(row + bytes(j));
    const higher = f32x4.gt(values, best);
    best = v128.bitselect(values, best, higher);
    places = v128.bitselect(here, places, higher);
    here = i32x4.add(here, i32x4.splat(4));
  }
  let top = f32x4.extract_lane(best, 0), at = i32x4.extract_lane(places, 0);
  for (let lane = 1; lane < 4; lane++) {
    const other = lane == 1
      ? f32x4.extract_lane(best, 1)
      : lane == 2
      ? f32x4.extract_lane(best, 2)
      : f32x4.extract_lane(best, 3);
    const where = lane == 1
      ? i32x4.extract_lane(places, 1)
      : lane == 2
      ? i32x4.extract_lane(places, 2)
      : i32x4.extract_lane(places, 3);
    if (where >= 0 && (other > top || (other == top && (at < 0 || where < at)))) {
      top = other;
      at = where;
    }
  }
  for (; j < columns; j++) {
    const other = load<f32>(row + bytes(j));
    if (other > top) {
      top = other;
      at = j;
    }
  }
  store<f32>(value, at < 0 ? NaN : top);
  store<i32>(place, at);
}

/** Raises the columns' maxima so far. */
@inline
function raise(row: usize, columns: i32, values: usize, rows: usize, index: i32): void {
  const indices = i32x4.splat(index);
  let j = 0;
  for (; j <= columns - 4; j += 4) {
    const at = bytes(j);
    const own = v128.load(row + at), best = v128.load(values + at);
    const higher = f32x4.gt(own, best);
    if (v128.any_true(higher)) {
      v128.store(values + at, v128.bitselect(own, best, higher));
      v128.store(rows + at, v128.bitselect(indices, v128.load(rows + at), higher));
    }
  }
  for (; j < columns; j++) {
    const at = bytes(j);
    const own = load<f32>(row + at);
    if (own > load<f32>(values + at)) {
      store<f32>(values + at, own);
      store<i32>(rows + at, index);
    }
  }
}

/** The sum of a row, carried to float64 every 512 numbers. */
@inline
function sum(row: usize, columns: i32): f64 {
  let result: f64 = 0;
  let j = 0;
  while (j <= columns - 8) {
    const end = min(j + CHUNK, columns - 7);
    let a = f32x4.splat(0), b = f32x4.splat(0);
    for (; j < end; j += 8) {
      a = f32x4.add(a, v128.load(row + bytes(j)));
      b = f32x4.add(b, v128.load(row + bytes(j), 16));
    }
    result += total(a) + total(b);
  }
  for (; j < columns; j++) result += <f64> load<f32>(row + bytes(j));
  return result;
}

/** Sum of (d - mean)^2. */
@inline
function squares(row: usize, columns: i32, mean: f32): f64 {
  const means = f32x4.splat(mean);
  let result: f64 = 0;
  let j = 0;
  while (j <= columns - 8) {
    const end = min(j + CHUNK, columns - 7);
    let a = f32x4.splat(0), b = f32x4.splat(0);
    for (; j < end; j += 8) {
      const first = f32x4.sub(v128.load(row + bytes(j)), means);
      const second = f32x4.sub(v128.load(row + bytes(j), 16), means);
      a = f32x4.add(a, f32x4.mul(first, first));
      b = f32x4.add(b, f32x4.mul(second, second));
    }
    result += total(a) + total(b);
  }
  for (; j < columns; j++) {
    const one = load<f32>(row + bytes(j)) - mean;
    result += <f64> (one * one);
  }
  return result;
}

/** Sum of exp((d - top) * inverse). */
@inline
function powers(row: usize, columns: i32, top: f32, inverse: f32): f64 {
  const tops = f32x4.splat(top), inverses = f32x4.splat(inverse);
  let result: f64 = 0;
  let j = 0;
  while (j <= columns - 8) {
    const end = min(j + CHUNK, columns - 7);
    let a = f32x4.splat(0), b = f32x4.splat(0);
    for (; j < end; j += 8) {
      a = f32x4.add(a, exp4(f32x4.mul(f32x4.sub(v128.load(row + bytes(j)), tops), inverses)));
      b = f32x4.add(b, exp4(f32x4.mul(f32x4.sub(v128.load(row + bytes(j), 16), tops), inverses)));
    }
    result += total(a) + total(b);
  }
  for (; j < columns; j++) result += <f64> exp1((load<f32>(row + bytes(j)) - top) * inverse);
  return result;
}

/**
 * Turns a block of the product into D, in place, and summarises every row.
 * @param d float32 [rows, columns]: the product, then D
 * @param contrast 1: rows are contrast-normalised, (d - mean) / (deviation + 1e-10); 0: they are not
 * @param peaks float32 [rows] @param places int32 [rows]: the first maximum of every row, -1 where all is NaN
 * @param statistics float32 [3, rows]: mean and inverse deviation (0 and 1 without contrast), and the sum of
 * exp((d - peak) * inverse)
 * @param columnPeaks float32 [columns] and `columnRows` int32 [columns], raised by these rows, the first of which is
 * `first`; 0: not wanted
 */
export function summariseRows(
  d: usize,
  rows: i32,
  columns: i32,
  rowScale: usize,
  columnScale: usize,
  offset: usize,
  contrast: i32,
  peaks: usize,
  places: usize,
  statistics: usize,
  columnPeaks: usize,
  columnRows: usize,
  first: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const row = d + bytes(r) * <usize> columns;
    if (rowScale || columnScale || offset) {
      resolve(
        row,
        columns,
        rowScale ? load<f32>(rowScale + bytes(r)) : 1,
        columnScale,
        offset ? load<f32>(offset + bytes(r)) : 0,
      );
    }
    peak(row, columns, peaks + bytes(r), places + bytes(r));
    if (columnPeaks) raise(row, columns, columnPeaks, columnRows, first + r);
    let mean: f32 = 0, inverse: f32 = 1;
    if (contrast) {
      mean = <f32> (sum(row, columns) / columns);
      const variance = squares(row, columns, mean) / max(1, columns - 1);
      inverse = <f32> (1 / (sqrt(variance) + 1e-10));
    }
    store<f32>(statistics + bytes(r), mean);
    store<f32>(statistics + bytes(rows + r), inverse);
    const top = load<f32>(peaks + bytes(r));
    store<f32>(statistics + bytes(2 * rows + r), <f32> powers(row, columns, top, inverse));
  }
}

/**
 * factor * softmax of every row, in place of the product.
 * @param mean and `inverse`, `logSum`, `factor`: float32 [rows]; softmax = exp((D - mean) * inverse - logSum)
 */
export function softmaxRows(
  d: usize,
  rows: i32,
  columns: i32,
  rowScale: usize,
  columnScale: usize,
  offset: usize,
  mean: usize,
  inverse: usize,
  logSum: usize,
  factor: usize,
): void {
  for (let r = 0; r < rows; r++) {
    const row = d + bytes(r) * <usize> columns;
    const own: f32 = rowScale ? load<f32>(rowScale + bytes(r)) : 1;
    const lift: f32 = offset ? load<f32>(offset + bytes(r)) : 0;
    const middle = load<f32>(mean + bytes(r)), inverted = load<f32>(inverse + bytes(r));
    const log = load<f32>(logSum + bytes(r)), weight = load<f32>(factor + bytes(r));
    const owns = f32x4.splat(own), lifts = f32x4.splat(lift), middles = f32x4.splat(middle);
    const inverses = f32x4.splat(inverted), logs = f32x4.splat(log), weights = f32x4.splat(weight);
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      const at = row + bytes(j);
      const both = columnScale ? f32x4.mul(v128.load(columnScale + bytes(j)), owns) : owns;
      const value = f32x4.add(f32x4.mul(v128.load(at), both), lifts);
      const p = exp4(f32x4.sub(f32x4.mul(f32x4.sub(value, middles), inverses), logs));
      v128.store(at, f32x4.mul(p, weights));
    }
    for (; j < columns; j++) {
      const at = row + bytes(j);
      const both = columnScale ? load<f32>(columnScale + bytes(j)) * own : own;
      store<f32>(at, exp1((load<f32>(at) * both + lift - middle) * inverted - log) * weight);
    }
  }
}
