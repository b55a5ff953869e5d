/**
 * The operators of transformers on float32 [rows, channels]: layer norm, GELU, and what linear maps need beside
 * their products. A row's own sums end in float64; sums over all rows are carried to float64 every 64 rows.
 */
import { bytes, exp4, total } from "./math";

/** Rows whose sum is kept in float32 before it is carried to float64. */
const CHUNK: i32 = 64;

/** totals (float64) += part (float32); part = 0 */
@inline
function carry(part: usize, totals: usize, channels: i32): void {
  let c = 0;
  for (; c <= channels - 2; c += 2) {
    const at = totals + (<usize> c << 3), from = part + bytes(c);
    v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(v128.load64_zero(from))));
    store<u64>(from, 0);
  }
  for (; c < channels; c++) {
    const at = totals + (<usize> c << 3);
    store<f64>(at, load<f64>(at) + <f64> load<f32>(part + bytes(c)));
    store<f32>(part + bytes(c), 0);
  }
}

@inline
function rounded(totals: usize, channels: i32, sums: usize): void {
  for (let c = 0; c < channels; c++) store<f32>(sums + bytes(c), <f32> load<f64>(totals + (<usize> c << 3)));
}

/**
 * y = scale (x - mean) inverse + offset of every row, inverse being 1 / sqrt(variance + epsilon) with the biased variance.
 * @param mean and `inverse` receive float32 [rows]
 */
export function layerNorm(
  x: usize,
  rows: i32,
  channels: i32,
  scale: usize,
  offset: usize,
  epsilon: f64,
  y: usize,
  mean: usize,
  inverse: usize,
): void {
  const width = bytes(channels);
  for (let r = 0; r < rows; r++) {
    const row = x + <usize> r * width, result = y + <usize> r * width;
    let sum = f32x4.splat(0), c = 0;
    for (; c <= channels - 4; c += 4) sum = f32x4.add(sum, v128.load(row + bytes(c)));
    let whole = total(sum);
    for (; c < channels; c++) whole += <f64> load<f32>(row + bytes(c));
    const centre = <f32> (whole / channels), centres = f32x4.splat(centre);

    let squares = f32x4.splat(0);
    for (c = 0; c <= channels - 4; c += 4) {
      const centred = f32x4.sub(v128.load(row + bytes(c)), centres);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    whole = total(squares);
    for (; c < channels; c++) {
      const centred = load<f32>(row + bytes(c)) - centre;
      whole += <f64> (centred * centred);
    }
    const factor = <f32> (1 / Math.sqrt(whole / channels + epsilon)), factors = f32x4.splat(factor);

    for (c = 0; c <= channels - 4; c += 4) {
      const at = bytes(c);
      const normal = f32x4.mul(f32x4.sub(v128.load(row + at), centres), factors);
      v128.store(result + at, f32x4.add(f32x4.mul(normal, v128.load(scale + at)), v128.load(offset + at)));
    }
    for (; c < channels; c++) {
      const at = bytes(c);
      const normal = (load<f32>(row + at) - centre) * factor;
      store<f32>(result + at, normal * load<f32>(scale + at) + load<f32>(offset + at));
    }
    store<f32>(mean + bytes(r), centre);
    store<f32>(inverse + bytes(r), factor);
  }
}

/**
 * dx = inverse (s - mean of s - n mean of s n) of every row, where s = dy scale and n is the normalised x; dScale is
 * the sum over rows of dy n, dOffset that of dy.
 * @param scratch 24 bytes a channel, aligned to 8
 */
export function layerNormGradient(
  dy: usize,
  x: usize,
  rows: i32,
  channels: i32,
  scale: usize,
  mean: usize,
  inverse: usize,
  scratch: usize,
  dx: usize,
  dScale: usize,
  dOffset: usize,
): void {
  const width = bytes(channels);
  const totals = scratch, otherTotals = scratch + 2 * width;
  const part = scratch + 4 * width, otherPart = scratch + 5 * width;
  memory.fill(scratch, 0, 6 * width);
  for (let start = 0; start < rows; start += CHUNK) {
    const end = min(start + CHUNK, rows);
    for (let r = start; r < end; r++) {
      const at = <usize> r * width;
      const slopes = dy + at, values = x + at, result = dx + at;
      const centre = load<f32>(mean + bytes(r)), factor = load<f32>(inverse + bytes(r));
      const centres = f32x4.splat(centre), factors = f32x4.splat(factor);
      let level = f32x4.splat(0), along = f32x4.splat(0), c = 0;
      for (; c <= channels - 4; c += 4) {
        const place = bytes(c);
        const slope = v128.load(slopes + place);
        const normal = f32x4.mul(f32x4.sub(v128.load(values + place), centres), factors);
        const tilted = f32x4.mul(slope, normal);
        const weight = v128.load(scale + place);
        level = f32x4.add(level, f32x4.mul(slope, weight));
        along = f32x4.add(along, f32x4.mul(tilted, weight));
        v128.store(part + place, f32x4.add(v128.load(part + place), tilted));
        v128.store(otherPart + place, f32x4.add(v128.load(otherPart + place), slope));
      }
      let levelSum = total(level), alongSum = total(along);
      for (; c < channels; c++) {
        const place = bytes(c);
        const slope = load<f32>(slopes + place), weight = load<f32>(scale + place);
        const tilted = slope * ((load<f32>(values + place) - centre) * factor);
        levelSum += <f64> (slope * weight);
        alongSum += <f64> (tilted * weight);
        store<f32>(part + place, load<f32>(part + place) + tilted);
        store<f32>(otherPart + place, load<f32>(otherPart + place) + slope);
      }
      const lift = <f32> (levelSum / channels), tilt = <f32> (alongSum / channels);
      const lifts = f32x4.splat(lift), tilts = f32x4.splat(tilt);
      for (c = 0; c <= channels - 4; c += 4) {
        const place = bytes(c);
        const slope = f32x4.mul(v128.load(slopes + place), v128.load(scale + place));
        const normal = f32x4.mul(f32x4.sub(v128.load(values + place), centres), factors);
        const centred = f32x4.sub(f32x4.sub(slope, lifts), f32x4.mul(normal, tilts));
        v128.store(result + place, f32x4.mul(centred, factors));
      }
      for (; c < channels; c++) {
        const place = bytes(c);
        const slope = load<f32>(slopes + place) * load<f32>(scale + place);
        const normal = (load<f32>(values + place) - centre) * factor;
        store<f32>(result + place, (slope - lift - normal * tilt) * factor);
      }
    }
    carry(part, totals, channels);
    carry(otherPart, otherTotals, channels);
  }
  rounded(totals, channels, dScale);
  rounded(otherTotals, channels, dOffset);
}

/** Sums over the rows. @param scratch 12 bytes a channel, aligned to 8 */
export function columnSums(x: usize, rows: i32, channels: i32, scratch: usize, sums: usize): void {
  const width = bytes(channels), totals = scratch, part = scratch + 2 * width;
  memory.fill(scratch, 0, 3 * width);
  for (let start = 0; start < rows; start += CHUNK) {
    const end = min(start + CHUNK, rows);
    let r = start;
    // Four rows at a time: the sums are loaded and stored a quarter as often.
    for (; r <= end - 4; r += 4) {
      const row = x + <usize> r * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = row + bytes(c), to = part + bytes(c);
        const first = f32x4.add(v128.load(at), v128.load(at + width));
        const second = f32x4.add(v128.load(at + 2 * width), v128.load(at + 3 * width));
        v128.store(to, f32x4.add(v128.load(to), f32x4.add(first, second)));
      }
      for (; c < channels; c++) {
        const at = row + bytes(c), to = part + bytes(c);
        const first = load<f32>(at) + load<f32>(at + width);
        const second = load<f32>(at + 2 * width) + load<f32>(at + 3 * width);
        store<f32>(to, load<f32>(to) + (first + second));
      }
    }
    for (; r < end; r++) {
      const row = x + <usize> r * width;
      for (let c = 0; c < channels; c++) store<f32>(part + bytes(c), load<f32>(part + bytes(c)) + load<f32>(row + bytes(c)));
    }
    carry(part, totals, channels);
  }
  rounded(totals, channels, sums);
}

/** x += row, for every row of x. */
export function addRow(x: usize, rows: i32, channels: i32, row: usize): void {
  for (let r = 0; r < rows; r++) {
    const start = x + <usize> r * bytes(channels);
    let c = 0;
    for (; c <= channels - 4; c += 4) {
      const at = start + bytes(c);
      v128.store(at, f32x4.add(v128.load(at), v128.load(row + bytes(c))));
    }
    for (; c < channels; c++) store<f32>(start + bytes(c), load<f32>(start + bytes(c)) + load<f32>(row + bytes(c)));
  }
}

/**
 * The probability that a standard normal number is below x, to 1e-7 (Abramowitz and Stegun 7.1.26). Below zero the
 * tail is computed directly, not as 1 minus a number near 1.
 * @param power exp(-x^2 / 2)
 */
@inline
function share4(x: v128, power: v128): v128 {
  const one = f32x4.splat(1);
  const t = f32x4.div(one, f32x4.add(f32x4.mul(f32x4.abs(x), f32x4.splat(0.23164189)), one));
  let p = f32x4.add(f32x4.mul(t, f32x4.splat(0.5307027145)), f32x4.splat(-0.7265760135));
  p = f32x4.add(f32x4.mul(t, p), f32x4.splat(0.7107068705));
  p = f32x4.add(f32x4.mul(t, p), f32x4.splat(-0.142248368));
  p = f32x4.add(f32x4.mul(t, p), f32x4.splat(0.127414796));
  const tail = f32x4.mul(f32x4.mul(t, p), power);
  return v128.bitselect(tail, f32x4.sub(one, tail), f32x4.lt(x, f32x4.splat(0)));
}

@inline
function gelu4(x: v128): v128 {
  const power = exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
  return f32x4.mul(x, share4(x, power));
}

@inline
function geluSlope4(x: v128): v128 {
  const power = exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
  return f32x4.add(share4(x, power), f32x4.mul(f32x4.mul(x, power), f32x4.splat(0.3989422804)));
}

/** x times the probability that a standard normal number is below x. */
export function gelu(x: usize, count: i32, y: usize): void {
  let k = 0;
  for (; k <= count - 4; k += 4) v128.store(y + bytes(k), gelu4(v128.load(x + bytes(k))));
  for (; k < count; k++) {
    store<f32>(y + bytes(k), f32x4.extract_lane(gelu4(f32x4.splat(load<f32>(x + bytes(k)))), 0));
  }
}

/** dy times the slope of {@link gelu} at x. */
export function geluGradient(dy: usize, x: usize, count: i32, dx: usize): void {
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const at = bytes(k);
    v128.store(dx + at, f32x4.mul(v128.load(dy + at), geluSlope4(v128.load(x + at))));
  }
  for (; k < count; k++) {
    const at = bytes(k);
    store<f32>(dx + at, load<f32>(dy + at) * f32x4.extract_lane(geluSlope4(f32x4.splat(load<f32>(x + at))), 0));
  }
}

/** The arguments of the two functions in the slope of {@link gelu} at x: x / sqrt 2 for erf, -x^2 / 2 for exp. */
export function geluArguments(x: usize, count: i32, erf: usize, exp: usize): void {
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const value = v128.load(x + bytes(k));
    v128.store(erf + bytes(k), f32x4.mul(value, f32x4.splat(0.70710678)));
    v128.store(exp + bytes(k), f32x4.mul(f32x4.mul(value, value), f32x4.splat(-0.5)));
  }
  for (; k < count; k++) {
    const value = load<f32>(x + bytes(k));
    store<f32>(erf + bytes(k), value * <f32> 0.70710678);
    store<f32>(exp + bytes(k), value * value * <f32> -0.5);
  }
}

/** dx = dy (1/2 + erf / 2 + x exp / sqrt(2 pi)). @param erf and `exp`: the functions' values */
export function geluSlope(dy: usize, x: usize, erf: usize, exp: usize, count: i32, dx: usize): void {
  const half = f32x4.splat(0.5), height = f32x4.splat(0.3989422804);
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const at = bytes(k);
    const share = f32x4.add(f32x4.mul(v128.load(erf + at), half), half);
    const tilt = f32x4.mul(f32x4.mul(v128.load(x + at), v128.load(exp + at)), height);
    v128.store(dx + at, f32x4.mul(v128.load(dy + at), f32x4.add(share, tilt)));
  }
  for (; k < count; k++) {
    const at = bytes(k);
    const share = load<f32>(erf + at) * <f32> 0.5 + <f32> 0.5;
    const tilt = load<f32>(x + at) * load<f32>(exp + at) * <f32> 0.3989422804;
    store<f32>(dx + at, load<f32>(dy + at) * (share + tilt));
  }
}
