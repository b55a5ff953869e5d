/**
 * Rows of a similarity matrix, one after the other while they lie in the nearest cache. A matrix is what a product gave:
 * D = raw * (rowScale * columnScale) + offset; an address of 0 stands for a factor of 1 or an offset of 0. Every kernel
 * rounds D alike: where all values of a row are, differences of rounding would be divided by next to nothing.
 */
import { bytes, exp1, exp4, total } from "./math";

/** Elements whose sum is kept in float32 before it is carried to float64. */
const CHUNK: i32 = 512;

/** From the product to D, in place. */
// @ts-ignore: decorator
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
// @ts-ignore: decorator
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
// @ts-ignore: decorator
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

// @ts-ignore: decorator
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
// @ts-ignore: decorator
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
// @ts-ignore: decorator
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
 * From the product to D, in place, with what is kept of every row.
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

/**
 * How peaks stand out, as a gradient with respect to the product, in its place: (factor_i (p_ij - 1[j = place_i]) +
 * factor_j (p_ji - 1[i = place_j])) rowScale_i columnScale_j, p_ij the softmax of row i and p_ji that of column j. What is
 * subtracted is so before it is scaled: a softmax of exactly 1 leaves exactly 0.
 * @param mean and `inverse`, `logSum`, `factor`: float32 [rows] @param places int32 [rows]: columns, -1 outside these
 * @param columnMean and the others: the same of the columns; `columnFactor` 0: none
 */
export function peakGradientTile(
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
  places: usize,
  columnMean: usize,
  columnInverse: usize,
  columnLogSum: usize,
  columnFactor: usize,
  columnPlaces: usize,
): void {
  for (let r = 0; r < rows; r++) {
    const row = d + bytes(r) * <usize> columns;
    const own: f32 = rowScale ? load<f32>(rowScale + bytes(r)) : 1;
    const lift: f32 = offset ? load<f32>(offset + bytes(r)) : 0;
    const middle = load<f32>(mean + bytes(r)), inverted = load<f32>(inverse + bytes(r));
    const log = load<f32>(logSum + bytes(r)), weight = load<f32>(factor + bytes(r));
    const place = load<i32>(places + bytes(r));
    const owns = f32x4.splat(own), lifts = f32x4.splat(lift), middles = f32x4.splat(middle);
    const inverses = f32x4.splat(inverted), logs = f32x4.splat(log), weights = f32x4.splat(weight);
    const rowIndex = i32x4.splat(r), peak = i32x4.splat(place);
    let here = i32x4(0, 1, 2, 3);
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      const at = row + bytes(j);
      const both = columnScale ? f32x4.mul(v128.load(columnScale + bytes(j)), owns) : owns;
      const value = f32x4.add(f32x4.mul(v128.load(at), both), lifts);
      const p = exp4(f32x4.sub(f32x4.mul(f32x4.sub(value, middles), inverses), logs));
      let g = f32x4.sub(f32x4.mul(p, weights), v128.and(weights, i32x4.eq(here, peak)));
      if (columnFactor) {
        const others = v128.load(columnFactor + bytes(j));
        if (v128.any_true(others)) {
          const centred = f32x4.sub(value, v128.load(columnMean + bytes(j)));
          const z = f32x4.mul(centred, v128.load(columnInverse + bytes(j)));
          const q = exp4(f32x4.sub(z, v128.load(columnLogSum + bytes(j))));
          const stands = i32x4.eq(v128.load(columnPlaces + bytes(j)), rowIndex);
          g = f32x4.add(g, f32x4.sub(f32x4.mul(q, others), v128.and(others, stands)));
        }
      }
      v128.store(at, f32x4.mul(g, both));
      here = i32x4.add(here, i32x4.splat(4));
    }
    for (; j < columns; j++) {
      const at = row + bytes(j);
      const both = columnScale ? load<f32>(columnScale + bytes(j)) * own : own;
      const value = load<f32>(at) * both + lift;
      let g = exp1((value - middle) * inverted - log) * weight;
      if (j == place) g -= weight;
      if (columnFactor) {
        const other = load<f32>(columnFactor + bytes(j));
        if (other != 0) {
          const centred = value - load<f32>(columnMean + bytes(j));
          const q = exp1(centred * load<f32>(columnInverse + bytes(j)) - load<f32>(columnLogSum + bytes(j)));
          g += load<i32>(columnPlaces + bytes(j)) == r ? q * other - other : q * other;
        }
      }
      store<f32>(at, g * both);
    }
  }
}

/**
 * Of what has the gradient `slope` with respect to the weights alpha p, p the softmax of the rows of D: the gradient
 * with respect to the product, p (alpha slope - along) inverse rowScale columnScale, in place of `slope`; the weights
 * in place of the product.
 * @param along float32 [rows]: the sum of alpha p slope over the row
 * @param sums float32 [rows]: receives the sums of p (alpha slope - along) inverse, the gradient of the offset
 */
export function softmaxGradientRows(
  d: usize,
  slope: usize,
  rows: i32,
  columns: i32,
  rowScale: usize,
  columnScale: usize,
  offset: usize,
  mean: usize,
  inverse: usize,
  logSum: usize,
  along: usize,
  sums: usize,
  alpha: f32,
): void {
  const alphas = f32x4.splat(alpha);
  for (let r = 0; r < rows; r++) {
    const row = d + bytes(r) * <usize> columns, slopes = slope + bytes(r) * <usize> columns;
    const own: f32 = rowScale ? load<f32>(rowScale + bytes(r)) : 1;
    const lift: f32 = offset ? load<f32>(offset + bytes(r)) : 0;
    const middle = load<f32>(mean + bytes(r)), inverted = load<f32>(inverse + bytes(r));
    const log = load<f32>(logSum + bytes(r)), mixed = load<f32>(along + bytes(r));
    const owns = f32x4.splat(own), lifts = f32x4.splat(lift), middles = f32x4.splat(middle);
    const inverses = f32x4.splat(inverted), logs = f32x4.splat(log), mixes = f32x4.splat(mixed);
    let whole: f64 = 0;
    let part = f32x4.splat(0);
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      const at = bytes(j);
      const scale = columnScale ? f32x4.mul(v128.load(columnScale + at), owns) : owns;
      const value = f32x4.add(f32x4.mul(v128.load(row + at), scale), lifts);
      const p = exp4(f32x4.sub(f32x4.mul(f32x4.sub(value, middles), inverses), logs));
      const centred = f32x4.sub(f32x4.mul(v128.load(slopes + at), alphas), mixes);
      const g = f32x4.mul(f32x4.mul(p, centred), inverses);
      v128.store(row + at, f32x4.mul(p, alphas));
      v128.store(slopes + at, f32x4.mul(g, scale));
      part = f32x4.add(part, g);
      if ((j & (CHUNK - 1)) == 0) {
        whole += total(part);
        part = f32x4.splat(0);
      }
    }
    whole += total(part);
    for (; j < columns; j++) {
      const at = bytes(j);
      const scale = columnScale ? load<f32>(columnScale + at) * own : own;
      const p = exp1((load<f32>(row + at) * scale + lift - middle) * inverted - log);
      const g = p * (load<f32>(slopes + at) * alpha - mixed) * inverted;
      store<f32>(row + at, p * alpha);
      store<f32>(slopes + at, g * scale);
      whole += <f64> g;
    }
    store<f32>(sums + bytes(r), <f32> whole);
  }
}

/**
 * The aggregation's gradient where D(x, x) is symmetric, for a tile of pixels i and j at once. With p the softmax of the
 * rows of D, `there` = dy_i x_j and `back` = x_i dy_j, in place of
 * - `there`: the gradient with respect to the product x_i x_j of both weights p_ij and p_ji,
 *   (p_ij (alpha there - along_i) inverse_i + p_ji (alpha back - along_j) inverse_j) scale_i scale_j;
 * - `back`: alpha p_ij;
 * - the product: alpha p_ji.
 * @param scale and `mean`, `inverse`, `logSum`, `along`: float32 of all pixels
 * @param row and `column`: the tile's first pixels
 * @param radial float32 of all pixels: raised by the sums of gradient * product over rows, and over columns unless the
 * tile lies on the diagonal
 */
export function symmetricGradientTile(
  d: usize,
  there: usize,
  back: usize,
  rows: i32,
  columns: i32,
  scale: usize,
  mean: usize,
  inverse: usize,
  logSum: usize,
  along: usize,
  row: i32,
  column: i32,
  alpha: f32,
  radial: usize,
): void {
  const alphas = f32x4.splat(alpha), away = row != column;
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns, pixel = bytes(row + r);
    const own = load<f32>(scale + pixel);
    const mean_i = load<f32>(mean + pixel), inverse_i = load<f32>(inverse + pixel);
    const log_i = load<f32>(logSum + pixel), along_i = load<f32>(along + pixel);
    const owns = f32x4.splat(own), means = f32x4.splat(mean_i), inverses = f32x4.splat(inverse_i);
    const logs = f32x4.splat(log_i), alongs = f32x4.splat(along_i);
    let whole: f64 = 0;
    let part = f32x4.splat(0);
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      const at = start + bytes(j), other = bytes(column + j);
      const both = f32x4.mul(v128.load(scale + other), owns);
      const product = v128.load(d + at);
      const value = f32x4.mul(product, both);
      const inverse_j = v128.load(inverse + other);
      const p = exp4(f32x4.sub(f32x4.mul(f32x4.sub(value, means), inverses), logs));
      const centred_j = f32x4.mul(f32x4.sub(value, v128.load(mean + other)), inverse_j);
      const q = exp4(f32x4.sub(centred_j, v128.load(logSum + other)));
      const slope_i = f32x4.sub(f32x4.mul(v128.load(there + at), alphas), alongs);
      const slope_j = f32x4.sub(f32x4.mul(v128.load(back + at), alphas), v128.load(along + other));
      const g = f32x4.mul(
        f32x4.add(
          f32x4.mul(f32x4.mul(p, slope_i), inverses),
          f32x4.mul(f32x4.mul(q, slope_j), inverse_j),
        ),
        both,
      );
      v128.store(there + at, g);
      v128.store(back + at, f32x4.mul(p, alphas));
      v128.store(d + at, f32x4.mul(q, alphas));
      const turn = f32x4.mul(g, product);
      part = f32x4.add(part, turn);
      if (away) v128.store(radial + other, f32x4.add(v128.load(radial + other), turn));
      if ((j & (CHUNK - 1)) == 0) {
        whole += total(part);
        part = f32x4.splat(0);
      }
    }
    whole += total(part);
    for (; j < columns; j++) {
      const at = start + bytes(j), other = bytes(column + j);
      const both = load<f32>(scale + other) * own;
      const product = load<f32>(d + at), value = product * both;
      const inverse_j = load<f32>(inverse + other);
      const p = exp1((value - mean_i) * inverse_i - log_i);
      const q = exp1((value - load<f32>(mean + other)) * inverse_j - load<f32>(logSum + other));
      const slope_i = load<f32>(there + at) * alpha - along_i;
      const slope_j = load<f32>(back + at) * alpha - load<f32>(along + other);
      const g = (p * slope_i * inverse_i + q * slope_j * inverse_j) * both;
      store<f32>(there + at, g);
      store<f32>(back + at, p * alpha);
      store<f32>(d + at, q * alpha);
      whole += <f64> (g * product);
      if (away) store<f32>(radial + other, load<f32>(radial + other) + g * product);
    }
    store<f32>(radial + pixel, load<f32>(radial + pixel) + <f32> whole);
  }
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, count: i32): f64 {
  let result: f64 = 0;
  let j = 0;
  while (j <= count - 4) {
    const end = min(j + CHUNK, count - 3);
    let part = f32x4.splat(0);
    for (; j < end; j += 4) part = f32x4.add(part, f32x4.mul(v128.load(a + bytes(j)), v128.load(b + bytes(j))));
    result += total(part);
  }
  for (; j < count; j++) result += <f64> (load<f32>(a + bytes(j)) * load<f32>(b + bytes(j)));
  return result;
}

/** 1 / |x| of every row of float32 [rows, columns], 0 for zero rows; lengths below 1e-12 count as 1e-12. */
export function inverseNorms(x: usize, rows: i32, columns: i32, result: usize): void {
  for (let r = 0; r < rows; r++) {
    const row = x + bytes(r) * <usize> columns;
    const norm = sqrt(dot(row, row, columns));
    store<f32>(result + bytes(r), norm > 0 || norm != norm ? <f32> (1 / max(norm, 1e-12)) : 0);
  }
}

/** a_r . b_r of every row of float32 [rows, columns]. */
export function rowDots(a: usize, b: usize, rows: i32, columns: i32, result: usize): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    store<f32>(result + bytes(r), <f32> dot(a + start, b + start, columns));
  }
}

/** sum - u (u . sum) for every row, u = scale * x, in place: a gradient without what only changes lengths. */
export function acrossRows(sum: usize, x: usize, scale: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    const length = load<f32>(scale + bytes(r));
    subtract(sum + start, x + start, <f32> (dot(sum + start, x + start, columns) * length * length), columns);
  }
}

/** sum - factor x for every row, in place. @param factor float32 [rows] */
export function subtractRows(sum: usize, x: usize, factor: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const start = bytes(r) * <usize> columns;
    subtract(sum + start, x + start, load<f32>(factor + bytes(r)), columns);
  }
}

// @ts-ignore: decorator
@inline
function subtract(sum: usize, x: usize, factor: f32, columns: i32): void {
  const factors = f32x4.splat(factor);
  let j = 0;
  for (; j <= columns - 4; j += 4) {
    const at = sum + bytes(j);
    v128.store(at, f32x4.sub(v128.load(at), f32x4.mul(v128.load(x + bytes(j)), factors)));
  }
  for (; j < columns; j++) {
    const at = sum + bytes(j);
    store<f32>(at, load<f32>(at) - load<f32>(x + bytes(j)) * factor);
  }
}

/** to[k] = from[indices[k]] @param indices int32 [count], rows of so many columns */
export function gatherRows(from: usize, indices: usize, count: i32, columns: i32, to: usize): void {
  const width = bytes(columns);
  for (let k = 0; k < count; k++) {
    memory.copy(to + <usize> k * width, from + <usize> load<i32>(indices + bytes(k)) * width, width);
  }
}

/** sum[indices[k]] += values[k]; indices 0: sum[k] += values[k] */
export function addRows(sum: usize, indices: usize, count: i32, columns: i32, values: usize): void {
  const width = bytes(columns);
  for (let k = 0; k < count; k++) {
    const to = sum + <usize> (indices ? load<i32>(indices + bytes(k)) : k) * width;
    const from = values + <usize> k * width;
    let j = 0;
    for (; j <= columns - 4; j += 4) {
      v128.store(to + bytes(j), f32x4.add(v128.load(to + bytes(j)), v128.load(from + bytes(j))));
    }
    for (; j < columns; j++) {
      store<f32>(to + bytes(j), load<f32>(to + bytes(j)) + load<f32>(from + bytes(j)));
    }
  }
}

/** The transpose of float32 [rows, columns]. */
export function transpose(x: usize, rows: i32, columns: i32, y: usize): void {
  const wide = rows - (rows & 3), tall = columns - (columns & 3);
  // Squares of 32 stay in the nearest cache on both sides.
  for (let top = 0; top < wide; top += 32) {
    const bottom = min(top + 32, wide);
    for (let left = 0; left < tall; left += 32) {
      const right = min(left + 32, tall);
      for (let r = top; r < bottom; r += 4) {
        for (let c = left; c < right; c += 4) {
          const from = x + bytes(r * columns + c), to = y + bytes(c * rows + r);
          const a = v128.load(from), b = v128.load(from + bytes(columns));
          const d = v128.load(from + bytes(2 * columns)), e = v128.load(from + bytes(3 * columns));
          const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
          const de = v128.shuffle<f32>(d, e, 0, 4, 1, 5), DE = v128.shuffle<f32>(d, e, 2, 6, 3, 7);
          v128.store(to, v128.shuffle<f32>(ab, de, 0, 1, 4, 5));
          v128.store(to + bytes(rows), v128.shuffle<f32>(ab, de, 2, 3, 6, 7));
          v128.store(to + bytes(2 * rows), v128.shuffle<f32>(AB, DE, 0, 1, 4, 5));
          v128.store(to + bytes(3 * rows), v128.shuffle<f32>(AB, DE, 2, 3, 6, 7));
        }
      }
    }
  }
  for (let r = 0; r < rows; r++) {
    for (let c = r < wide ? tall : 0; c < columns; c++) {
      store<f32>(y + bytes(c * rows + r), load<f32>(x + bytes(r * columns + c)));
    }
  }
}
