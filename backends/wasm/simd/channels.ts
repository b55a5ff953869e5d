/**
 * Batch normalisation with the residual and ReLU around it, over float32 [pixels, channels]. Sums run down the
 * columns. Memory is read four rows at a time, as it lies, with a running sum for each channel, to which the rows
 * are added one after the other; because a float32 sum of a million pixels would lose digits, it is carried to a
 * float64 sum every 64 pixels.
 */
import { bytes } from "./math";

/** Pixels whose sum is kept in float32 before it is carried to float64. */
const CHUNK: i32 = 64;

@inline
function clear(at: usize, count: usize): void {
  memory.fill(at, 0, count);
}

/** totals (float64) += part (float32); part = 0 */
@inline
function carry(part: usize, totals: usize, channels: i32): void {
  for (let c = 0; c < channels; c++) {
    const total = totals + (<usize> c << 3);
    store<f64>(total, load<f64>(total) + <f64> load<f32>(part + bytes(c)));
    store<f32>(part + bytes(c), 0);
  }
}

/** sum + x^2 */
@inline
function addSquare(sum: v128, x: v128): v128 {
  return f32x4.add(sum, f32x4.mul(x, x));
}

/** dy where y > 0, at the same offset of both; with y = 0 everywhere. */
@inline
function counted(dy: usize, y: usize, at: usize): v128 {
  const slope = v128.load(dy + at);
  return y ? v128.and(slope, f32x4.gt(v128.load(y + at), f32x4.splat(0))) : slope;
}

/**
 * Mean and biased variance of every channel.
 * @param scratch 12 bytes a channel, aligned to 8
 */
export function channelStatistics(
  x: usize,
  pixels: i32,
  channels: i32,
  scratch: usize,
  mean: usize,
  variance: usize,
): void {
  const totals = scratch, part = scratch + (<usize> channels << 3);
  const width = bytes(channels);
  clear(scratch, 3 * width);
  for (let start = 0; start < pixels; start += CHUNK) {
    const end = min(start + CHUNK, pixels);
    let p = start;
    for (; p <= end - 4; p += 4) {
      const row = x + <usize> p * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = part + bytes(c), from = row + bytes(c);
        let sum = f32x4.add(v128.load(at), v128.load(from));
        sum = f32x4.add(sum, v128.load(from + width));
        sum = f32x4.add(sum, v128.load(from + 2 * width));
        v128.store(at, f32x4.add(sum, v128.load(from + 3 * width)));
      }
      for (; c < channels; c++) {
        const at = part + bytes(c), from = row + bytes(c);
        let sum = load<f32>(at) + load<f32>(from);
        sum += load<f32>(from + width);
        sum += load<f32>(from + 2 * width);
        store<f32>(at, sum + load<f32>(from + 3 * width));
      }
    }
    for (; p < end; p++) {
      const row = x + <usize> p * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = part + bytes(c);
        v128.store(at, f32x4.add(v128.load(at), v128.load(row + bytes(c))));
      }
      for (; c < channels; c++) store<f32>(part + bytes(c), load<f32>(part + bytes(c)) + load<f32>(row + bytes(c)));
    }
    carry(part, totals, channels);
  }
  for (let c = 0; c < channels; c++) {
    store<f32>(mean + bytes(c), <f32> (load<f64>(totals + (<usize> c << 3)) / pixels));
  }
  clear(scratch, 3 * width);
  for (let start = 0; start < pixels; start += CHUNK) {
    const end = min(start + CHUNK, pixels);
    let p = start;
    for (; p <= end - 4; p += 4) {
      const row = x + <usize> p * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = part + bytes(c), from = row + bytes(c), middle = v128.load(mean + bytes(c));
        let sum = addSquare(v128.load(at), f32x4.sub(v128.load(from), middle));
        sum = addSquare(sum, f32x4.sub(v128.load(from + width), middle));
        sum = addSquare(sum, f32x4.sub(v128.load(from + 2 * width), middle));
        v128.store(at, addSquare(sum, f32x4.sub(v128.load(from + 3 * width), middle)));
      }
      for (; c < channels; c++) {
        const at = part + bytes(c), middle = load<f32>(mean + bytes(c));
        let sum = load<f32>(at), from = row + bytes(c);
        for (let k = 0; k < 4; k++, from += width) {
          const centred = load<f32>(from) - middle;
          sum += centred * centred;
        }
        store<f32>(at, sum);
      }
    }
    for (; p < end; p++) {
      const row = x + <usize> p * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = part + bytes(c);
        const centred = f32x4.sub(v128.load(row + bytes(c)), v128.load(mean + bytes(c)));
        v128.store(at, addSquare(v128.load(at), centred));
      }
      for (; c < channels; c++) {
        const centred = load<f32>(row + bytes(c)) - load<f32>(mean + bytes(c));
        store<f32>(part + bytes(c), load<f32>(part + bytes(c)) + centred * centred);
      }
    }
    carry(part, totals, channels);
  }
  for (let c = 0; c < channels; c++) {
    store<f32>(variance + bytes(c), <f32> (load<f64>(totals + (<usize> c << 3)) / pixels));
  }
}

/**
 * y = (x - mean) factor + shift + residual, then the positive part if `relu`.
 * @param mean and `factor`, `shift`: float32 [channels] @param residual like `x`, or 0
 */
export function normalizeChannels(
  x: usize,
  pixels: i32,
  channels: i32,
  mean: usize,
  factor: usize,
  shift: usize,
  residual: usize,
  relu: i32,
  y: usize,
): void {
  const width = bytes(channels), zero = f32x4.splat(0);
  for (let p = 0; p < pixels; p++) {
    const start = <usize> p * width;
    let c = 0;
    for (; c <= channels - 4; c += 4) {
      const at = bytes(c);
      const centred = f32x4.sub(v128.load(x + start + at), v128.load(mean + at));
      let value = f32x4.add(f32x4.mul(centred, v128.load(factor + at)), v128.load(shift + at));
      if (residual) value = f32x4.add(value, v128.load(residual + start + at));
      // pmax keeps a NaN that stands first.
      v128.store(y + start + at, relu ? f32x4.pmax(value, zero) : value);
    }
    for (; c < channels; c++) {
      const at = bytes(c);
      let value = (load<f32>(x + start + at) - load<f32>(mean + at)) * load<f32>(factor + at) + load<f32>(shift + at);
      if (residual) value += load<f32>(residual + start + at);
      store<f32>(y + start + at, relu && value < 0 ? 0 : value);
    }
  }
}

/**
 * Sums over the pixels of dy and of dy (x - mean), dy counted where y > 0.
 * @param y like `x`; 0: dy counts everywhere @param scratch 24 bytes a channel, aligned to 8
 */
export function channelGradientSums(
  dy: usize,
  x: usize,
  y: usize,
  pixels: i32,
  channels: i32,
  mean: usize,
  scratch: usize,
  sums: usize,
  centredSums: usize,
): void {
  const width = bytes(channels);
  const totals = scratch, centredTotals = scratch + 2 * width;
  const part = scratch + 4 * width, centredPart = scratch + 5 * width;
  clear(scratch, 6 * width);
  for (let start = 0; start < pixels; start += CHUNK) {
    const end = min(start + CHUNK, pixels);
    let p = start;
    for (; p <= end - 4; p += 4) {
      const row = <usize> p * width, tail = channels & ~3;
      for (let c = 0; c < tail; c += 4) {
        const at = bytes(c), middle = v128.load(mean + at);
        let sum = v128.load(part + at), tilted = v128.load(centredPart + at);
        for (let k = 0, from = row + at; k < 4; k++, from += width) {
          const slope = counted(dy, y, from);
          sum = f32x4.add(sum, slope);
          tilted = f32x4.add(tilted, f32x4.mul(slope, f32x4.sub(v128.load(x + from), middle)));
        }
        v128.store(part + at, sum);
        v128.store(centredPart + at, tilted);
      }
      for (let c = tail; c < channels; c++) {
        const at = bytes(c), middle = load<f32>(mean + at);
        let sum = load<f32>(part + at), tilted = load<f32>(centredPart + at);
        for (let k = 0, from = row + at; k < 4; k++, from += width) {
          const slope: f32 = y && !(load<f32>(y + from) > 0) ? 0 : load<f32>(dy + from);
          sum += slope;
          tilted += slope * (load<f32>(x + from) - middle);
        }
        store<f32>(part + at, sum);
        store<f32>(centredPart + at, tilted);
      }
    }
    for (; p < end; p++) {
      const row = <usize> p * width;
      let c = 0;
      for (; c <= channels - 4; c += 4) {
        const at = bytes(c), slope = counted(dy, y, row + at);
        const centred = f32x4.sub(v128.load(x + row + at), v128.load(mean + at));
        v128.store(part + at, f32x4.add(v128.load(part + at), slope));
        v128.store(centredPart + at, f32x4.add(v128.load(centredPart + at), f32x4.mul(slope, centred)));
      }
      for (; c < channels; c++) {
        const at = bytes(c);
        const slope: f32 = y && !(load<f32>(y + row + at) > 0) ? 0 : load<f32>(dy + row + at);
        const centred = load<f32>(x + row + at) - load<f32>(mean + at);
        store<f32>(part + at, load<f32>(part + at) + slope);
        store<f32>(centredPart + at, load<f32>(centredPart + at) + slope * centred);
      }
    }
    carry(part, totals, channels);
    carry(centredPart, centredTotals, channels);
  }
  for (let c = 0; c < channels; c++) {
    store<f32>(sums + bytes(c), <f32> load<f64>(totals + (<usize> c << 3)));
    store<f32>(centredSums + bytes(c), <f32> load<f64>(centredTotals + (<usize> c << 3)));
  }
}

/**
 * dx = factor (dy - level) - tilt (x - mean), dy counted where y > 0; and that dy itself.
 * @param level and `tilt`, `factor`, `mean`: float32 [channels] @param y as above
 * @param masked receives the dy that counts; 0: not wanted
 */
export function channelGradient(
  dy: usize,
  x: usize,
  y: usize,
  pixels: i32,
  channels: i32,
  mean: usize,
  factor: usize,
  level: usize,
  tilt: usize,
  dx: usize,
  masked: usize,
): void {
  const width = bytes(channels);
  for (let p = 0; p < pixels; p++) {
    const row = <usize> p * width;
    let c = 0;
    for (; c <= channels - 4; c += 4) {
      const at = bytes(c), slope = counted(dy, y, row + at);
      if (masked) v128.store(masked + row + at, slope);
      const centred = f32x4.sub(v128.load(x + row + at), v128.load(mean + at));
      const lifted = f32x4.mul(f32x4.sub(slope, v128.load(level + at)), v128.load(factor + at));
      v128.store(dx + row + at, f32x4.sub(lifted, f32x4.mul(centred, v128.load(tilt + at))));
    }
    for (; c < channels; c++) {
      const at = bytes(c);
      const slope: f32 = y && !(load<f32>(y + row + at) > 0) ? 0 : load<f32>(dy + row + at);
      if (masked) store<f32>(masked + row + at, slope);
      const centred = load<f32>(x + row + at) - load<f32>(mean + at);
      const lifted = (slope - load<f32>(level + at)) * load<f32>(factor + at);
      store<f32>(dx + row + at, lifted - centred * load<f32>(tilt + at));
    }
  }
}
