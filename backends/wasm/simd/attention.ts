/**
 * Attention beside its products: the softmax of scores and its gradient, row by row in place, and the order of
 * channels that products by head need. Four float32 numbers are worked on at a time, the rest one by one; sums
 * over a row end in float64.
 */
import { bytes, exp1, exp4, total } from "./math";

/**
 * [tokens, heads, width] to [heads, tokens, width], times a factor; the images follow each other.
 * @param back the other way
 */
export function splitHeads(
  x: usize,
  images: i32,
  tokens: i32,
  heads: i32,
  width: i32,
  factor: f32,
  back: i32,
  y: usize,
): void {
  const factors = f32x4.splat(factor), row = bytes(width);
  for (let image = 0; image < images; image++) {
    for (let token = 0; token < tokens; token++) {
      for (let head = 0; head < heads; head++) {
        const beside = row * <usize> ((image * tokens + token) * heads + head);
        const apart = row * <usize> ((image * heads + head) * tokens + token);
        const from = x + (back ? apart : beside), to = y + (back ? beside : apart);
        let c = 0;
        for (; c <= width - 4; c += 4) v128.store(to + bytes(c), f32x4.mul(v128.load(from + bytes(c)), factors));
        for (; c < width; c++) store<f32>(to + bytes(c), load<f32>(from + bytes(c)) * factor);
      }
    }
  }
}

/** The softmax of every row, in place. A row with a NaN becomes NaN. */
export function softmaxScores(scores: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const row = scores + <usize> r * bytes(columns);
    let best = f32x4.splat(-Infinity), j = 0;
    for (; j <= columns - 4; j += 4) best = f32x4.max(best, v128.load(row + bytes(j)));
    let top = max(
      max(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)),
      max(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)),
    );
    for (; j < columns; j++) top = max(top, load<f32>(row + bytes(j)));

    const tops = f32x4.splat(top);
    let sum = f32x4.splat(0);
    for (j = 0; j <= columns - 4; j += 4) {
      const power = exp4(f32x4.sub(v128.load(row + bytes(j)), tops));
      v128.store(row + bytes(j), power);
      sum = f32x4.add(sum, power);
    }
    let whole = total(sum);
    for (; j < columns; j++) {
      const power = exp1(load<f32>(row + bytes(j)) - top);
      store<f32>(row + bytes(j), power);
      whole += <f64> power;
    }
    const share = <f32> (1 / whole), shares = f32x4.splat(share);
    for (j = 0; j <= columns - 4; j += 4) v128.store(row + bytes(j), f32x4.mul(v128.load(row + bytes(j)), shares));
    for (; j < columns; j++) store<f32>(row + bytes(j), load<f32>(row + bytes(j)) * share);
  }
}

/** The gradient of a softmax, row by row in place of `slope`: p (slope - sum of p slope). @param p the softmax */
export function softmaxScoresGradient(p: usize, slope: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r++) {
    const shares = p + <usize> r * bytes(columns), row = slope + <usize> r * bytes(columns);
    let sum = f32x4.splat(0), j = 0;
    for (; j <= columns - 4; j += 4) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(shares + bytes(j)), v128.load(row + bytes(j))));
    }
    let whole = total(sum);
    for (; j < columns; j++) whole += <f64> (load<f32>(shares + bytes(j)) * load<f32>(row + bytes(j)));
    const along = <f32> whole, alongs = f32x4.splat(along);
    for (j = 0; j <= columns - 4; j += 4) {
      const at = bytes(j);
      v128.store(row + at, f32x4.mul(v128.load(shares + at), f32x4.sub(v128.load(row + at), alongs)));
    }
    for (; j < columns; j++) {
      const at = bytes(j);
      store<f32>(row + at, load<f32>(shares + at) * (load<f32>(row + at) - along));
    }
  }
}
