/**
 * Gradients with respect to the product behind D, written over it: tiles of similarities as in rows.ts, whose
 * cells are scaled and shifted on the fly with the same roundings. Each kernel goes through a tile once. For a
 * cell it forms D, from the row's summary the softmax p, from that the gradient, and stores it.
 */
import { bytes, CHUNK, exp1, exp4, total } from "./math";

/**
 * The gradient of how far peaks stand out, in place of the product: (factor_i (p_ij - 1[j = place_i]) +
 * factor_j (p_ji - 1[i = place_j])) rowScale_i columnScale_j, p_ij the softmax of row i and p_ji that of column j.
 * 1 is subtracted before anything is scaled, so that a softmax of exactly 1 leaves exactly 0.
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
 * Through the softmax p of rows of D. From `slope`, the gradient with respect to the weights alpha p, it makes the
 * gradient with respect to the product, p (alpha slope - along) inverse rowScale columnScale, and writes it over
 * `slope`; the weights are written over the product.
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
