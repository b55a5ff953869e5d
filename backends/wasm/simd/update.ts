/** The steps of the optimisers, over all weights of a variable in one pass, and the look at gradients before it. */
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

/**
 * g += decay p; m = beta1 m + rest1 g; v = beta2 v + rest2 g^2; p = keep p - rate m / (sqrt(v / correction) +
 * epsilon), in place.
 * @param rest1 1 - beta1 @param rest2 1 - beta2 @param rate where the rate lies, a float32, as does `correction`
 */
export function adamStep(
  p: usize,
  gradient: usize,
  m: usize,
  v: usize,
  count: i32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  epsilon: f32,
  decay: f32,
  keep: f32,
  rate: usize,
  correction: usize,
): void {
  const first = f32x4.splat(beta1), firstRest = f32x4.splat(rest1);
  const second = f32x4.splat(beta2), secondRest = f32x4.splat(rest2);
  const epsilons = f32x4.splat(epsilon), decays = f32x4.splat(decay), keeps = f32x4.splat(keep);
  const step = load<f32>(rate), corrected = load<f32>(correction);
  const steps = f32x4.splat(step), corrections = f32x4.splat(corrected);
  let k = 0;
  for (; k <= count - 4; k += 4) {
    const at = bytes(k), value = v128.load(p + at);
    let g = v128.load(gradient + at);
    if (decay != 0) g = f32x4.add(g, f32x4.mul(value, decays));
    const mean = f32x4.add(f32x4.mul(v128.load(m + at), first), f32x4.mul(g, firstRest));
    const square = f32x4.add(f32x4.mul(v128.load(v + at), second), f32x4.mul(f32x4.mul(g, g), secondRest));
    const root = f32x4.add(f32x4.sqrt(f32x4.div(square, corrections)), epsilons);
    v128.store(m + at, mean);
    v128.store(v + at, square);
    v128.store(p + at, f32x4.sub(f32x4.mul(value, keeps), f32x4.div(f32x4.mul(mean, steps), root)));
  }
  for (; k < count; k++) {
    const at = bytes(k), value = load<f32>(p + at);
    let g = load<f32>(gradient + at);
    if (decay != 0) g += value * decay;
    const mean = load<f32>(m + at) * beta1 + g * rest1;
    const square = load<f32>(v + at) * beta2 + g * g * rest2;
    store<f32>(m + at, mean);
    store<f32>(v + at, square);
    store<f32>(p + at, value * keep - mean * step / (sqrt<f32>(square / corrected) + epsilon));
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
