/** What the kernels compute with: four float32 at a time, sums carried in float64. */

/** exp, to about one unit in the last place; 0 below the smallest normal number, NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const low = f32x4.splat(-87.33654);
  // pmax and pmin keep a NaN that stands first.
  const inside = f32x4.pmin(f32x4.pmax(x, low), f32x4.splat(88.0));
  const n = f32x4.nearest(f32x4.mul(inside, f32x4.splat(1.44269504)));
  // ln 2 in two parts, so that the reduced argument is exact.
  const high = f32x4.sub(inside, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.add(high, f32x4.mul(n, f32x4.splat(2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  const y = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(y, power), f32x4.lt(x, low));
}

/** exp of one number, by the same polynomial. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** The four numbers added up. */
// @ts-ignore: decorator
@inline
export function total(x: v128): f64 {
  return <f64> f32x4.extract_lane(x, 0) + <f64> f32x4.extract_lane(x, 1) +
    (<f64> f32x4.extract_lane(x, 2) + <f64> f32x4.extract_lane(x, 3));
}

/** Bytes of so many float32 or int32. */
// @ts-ignore: decorator
@inline
export function bytes(count: i32): usize {
  return <usize> count << 2;
}
