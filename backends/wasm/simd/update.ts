/** The step of the optimiser, over all weights of a variable in one pass, and the look at gradients before it. */
import { bytes, total } from "./math";

/**
 * g += decay p; buffer = momentum buffer + g; p -= rate buffer, in place.
 * @param buffer 0: none, p -= rate g
 */
export function sgdStep(
  p: usize,
  gradient: usize,
  buffer: usize,
  count: i32,
  rate: f32,
  momentum: f32,
  decay: f32,
): void {
  const rates = f32x4.splat(rate), kept = f32x4.splat(momentum), decays = f32x4.splat(decay);
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const at = bytes(k);
    const value = v128.load(p + at);
    let g = f32x4.add(v128.load(gradient + at), f32x4.mul(value, decays));
    if (buffer) {
      g = f32x4.add(f32x4.mul(v128.load(buffer + at), kept), g);
      v128.store(buffer + at, g);
    }
    v128.store(p + at, f32x4.sub(value, f32x4.mul(g, rates)));
  }
  for (; k < count; k++) {
    const at = bytes(k);
    const value = load<f32>(p + at);
    let g = load<f32>(gradient + at) + value * decay;
    if (buffer) {
      g = load<f32>(buffer + at) * momentum + g;
      store<f32>(buffer + at, g);
    }
    store<f32>(p + at, value - g * rate);
  }
}

/** sum += all of x, of which only matters whether it is finite. @param sum where a float32 lies */
export function addSum(x: usize, count: i32, sum: usize): void {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  let k = 0;
  for (; k <= count - 16; k += 16) {
    const at = x + bytes(k);
    a = f32x4.add(a, v128.load(at));
    b = f32x4.add(b, v128.load(at, 16));
    c = f32x4.add(c, v128.load(at, 32));
    d = f32x4.add(d, v128.load(at, 48));
  }
  let all = load<f32>(sum) + <f32> total(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; k < count; k++) all += load<f32>(x + bytes(k));
  store<f32>(sum, all);
}
