/**
 * What the kernels share: exp of four float32 numbers at a time, sums that end in float64, and bytes.
 *
 * exp(x) is split as 2^n exp(r) with a whole n and |r| at most (ln 2) / 2. exp(r) is a polynomial, and 2^n is
 * added to the bits of the exponent. A softmax only needs arguments of at most 0, which saves the other half of
 * the range and all tests for overflow.
 */

/**
 * exp of four numbers that are at most 0, to about one unit in the last place. Results below the smallest normal
 * number are 0; NaN stays NaN. Arguments above 0, which in a softmax come from rounding only, count as 0.
 */
@inline
export function exp4(x: v128): v128 {
  const low = f32x4.splat(-87.33654);
  // Added to a number, this leaves it rounded to an integer, which then stands in the last bits. pmin and pmax keep a NaN
  // that stands first.
  const magic = f32x4.splat(12582912);
  const inside = f32x4.pmax(f32x4.pmin(x, f32x4.splat(0)), low);
  const rounded = f32x4.add(f32x4.mul(inside, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(rounded, magic);
  // ln 2 in two parts, so that the reduced argument is exact.
  const high = f32x4.sub(inside, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(high, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  // Two halves of the polynomial, so that they need not wait for each other.
  const square = f32x4.mul(r, r);
  const first = f32x4.add(f32x4.mul(r, f32x4.splat(1.9875691500e-4)), f32x4.splat(1.3981999507e-3));
  const second = f32x4.add(f32x4.mul(r, f32x4.splat(8.3334519073e-3)), f32x4.splat(4.1665795894e-2));
  const third = f32x4.add(f32x4.mul(r, f32x4.splat(1.6666665459e-1)), f32x4.splat(5.0000001201e-1));
  const p = f32x4.add(f32x4.mul(f32x4.add(f32x4.mul(first, square), second), square), third);
  const y = f32x4.add(f32x4.add(f32x4.mul(p, square), r), f32x4.splat(1));
  // Times 2^n, in the exponent's bits.
  return v128.andnot(i32x4.add(y, i32x4.shl(rounded, 23)), f32x4.lt(x, low));
}

/** exp of one number, by the same polynomial. */
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** The four numbers added up. */
@inline
export function total(x: v128): f64 {
  return <f64> f32x4.extract_lane(x, 0) + <f64> f32x4.extract_lane(x, 1) +
    (<f64> f32x4.extract_lane(x, 2) + <f64> f32x4.extract_lane(x, 3));
}

/** Bytes of so many float32 or int32. */
@inline
export function bytes(count: i32): usize {
  return <usize> count << 2;
}

/** Elements whose sum is kept in float32 before it is carried to float64. */
export const CHUNK: i32 = 512;

/** Copies so many float32. */
@inline
export function copy(from: usize, count: i32, to: usize): void {
  let c = 0;
  for (; c <= count - 4; c += 4) v128.store(to + bytes(c), v128.load(from + bytes(c)));
  for (; c < count; c++) store<f32>(to + bytes(c), load<f32>(from + bytes(c)));
}
