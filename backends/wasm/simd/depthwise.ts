/**
 * Convolutions of every channel with a filter of its own, float32 NHWC, filters [side, side, channels].
 *
 * There is little arithmetic for each number that is read, so what counts is how often memory is touched. Output
 * pixels whose window lies inside the image go through an inner loop without any test; for 3x3 filters the nine
 * weights of four channels stay in registers while 12 output columns pass by. Pixels at the border take the
 * general loop, which tests each tap.
 */
import { bytes } from "./math";

/** Output columns that are computed for one group of channels before the next: what they see stays in the nearest cache. */
const TILE: i32 = 12;

/** Output pixels whose sum is kept in float32 before it is carried to float64. */
const CHUNK: i32 = 64;

/**
 * The first output whose tap lies inside the image: ceil((padding - distance) / stride), at least 0.
 * @param distance of the tap from the window's first, in pixels: its number times the dilation
 */
@inline
function firstInside(padding: i32, distance: i32, stride: i32): i32 {
  const missing = padding - distance;
  return missing <= 0 ? 0 : (missing + stride - 1) / stride;
}

/** One past the last output at which a tap lies inside a side of so many pixels. */
@inline
function endInside(size: i32, padding: i32, distance: i32, stride: i32, out: i32): i32 {
  const last = size - 1 + padding - distance;
  return last < 0 ? 0 : min(out, last / stride + 1);
}

/** y += x times weights, channel by channel. */
@inline
function addProducts(x: usize, weights: usize, channels: i32, y: usize): void {
  let c = 0;
  for (; c <= channels - 4; c += 4) {
    const at = bytes(c), part = f32x4.mul(v128.load(x + at), v128.load(weights + at));
    v128.store(y + at, f32x4.add(v128.load(y + at), part));
  }
  for (; c < channels; c++) {
    const at = bytes(c);
    store<f32>(y + at, load<f32>(y + at) + load<f32>(x + at) * load<f32>(weights + at));
  }
}

/**
 * One output pixel, any window: taps outside the image are left out. Channels are the inner loop, in which
 * nothing is tested; the sum waits in the nearest cache.
 */
function pixel(
  image: usize,
  height: i32,
  width: i32,
  channels: i32,
  filter: usize,
  bias: usize,
  side: i32,
  dilation: i32,
  top: i32,
  left: i32,
  y: usize,
): void {
  const row = bytes(channels);
  if (bias) memory.copy(y, bias, row);
  else memory.fill(y, 0, row);
  for (let ky = 0; ky < side; ky++) {
    const line = top + ky * dilation;
    if (line < 0 || line >= height) continue;
    for (let kx = 0; kx < side; kx++) {
      const column = left + kx * dilation;
      if (column < 0 || column >= width) continue;
      const seen = image + row * <usize> (line * width + column);
      addProducts(seen, filter + row * <usize> (ky * side + kx), channels, y);
    }
  }
}

/**
 * Some output columns of a line whose 3x3 windows lie inside the image.
 * @param first what the first column's window begins with @param step bytes between two columns' windows
 */
@inline
function inner3(
  first: usize,
  step: usize,
  line: usize,
  tap: usize,
  channels: i32,
  filter: usize,
  bias: usize,
  count: i32,
  y: usize,
): void {
  const width = bytes(channels);
  let c = 0;
  for (; c <= channels - 4; c += 4) {
    const at = bytes(c), weights = filter + at;
    const w0 = v128.load(weights), w1 = v128.load(weights + width), w2 = v128.load(weights + 2 * width);
    const w3 = v128.load(weights + 3 * width), w4 = v128.load(weights + 4 * width);
    const w5 = v128.load(weights + 5 * width), w6 = v128.load(weights + 6 * width);
    const w7 = v128.load(weights + 7 * width), w8 = v128.load(weights + 8 * width);
    const base = bias ? v128.load(bias + at) : f32x4.splat(0);
    let upper = first + at, to = y + at;
    for (let k = 0; k < count; k++) {
      const middle = upper + line, lower = middle + line;
      let a = f32x4.add(base, f32x4.mul(v128.load(upper), w0));
      let b = f32x4.mul(v128.load(upper + tap), w1);
      a = f32x4.add(a, f32x4.mul(v128.load(upper + 2 * tap), w2));
      b = f32x4.add(b, f32x4.mul(v128.load(middle), w3));
      a = f32x4.add(a, f32x4.mul(v128.load(middle + tap), w4));
      b = f32x4.add(b, f32x4.mul(v128.load(middle + 2 * tap), w5));
      a = f32x4.add(a, f32x4.mul(v128.load(lower), w6));
      b = f32x4.add(b, f32x4.mul(v128.load(lower + tap), w7));
      a = f32x4.add(a, f32x4.mul(v128.load(lower + 2 * tap), w8));
      v128.store(to, f32x4.add(a, b));
      upper += step;
      to += width;
    }
  }
  for (; c < channels; c++) {
    const at = bytes(c);
    for (let k = 0; k < count; k++) {
      let sum: f32 = bias ? load<f32>(bias + at) : 0;
      for (let t = 0; t < 9; t++) {
        const seen = first + at + <usize> k * step + <usize> (t / 3) * line + <usize> (t % 3) * tap;
        sum += load<f32>(seen) * load<f32>(filter + <usize> t * width + at);
      }
      store<f32>(y + <usize> k * width + at, sum);
    }
  }
}

/**
 * The convolution, float32 [images, height, width, channels] to [images, outHeight, outWidth, channels].
 * @param bias float32 [channels], or 0
 */
export function depthwise(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  filter: usize,
  bias: usize,
  side: i32,
  stride: i32,
  padding: i32,
  dilation: i32,
  outHeight: i32,
  outWidth: i32,
  y: usize,
): void {
  const reach = (side - 1) * dilation, row = bytes(channels);
  const left = firstInside(padding, 0, stride), right = endInside(width, padding, reach, stride, outWidth);
  for (let n = 0; n < images; n++) {
    const image = x + row * <usize> (n * height * width);
    for (let r = 0; r < outHeight; r++) {
      const top = r * stride - padding;
      const result = y + row * <usize> ((n * outHeight + r) * outWidth);
      const inside = side == 3 && top >= 0 && top + reach < height && left < right;
      const begin = inside ? left : outWidth, end = inside ? right : outWidth;
      for (let c = 0; c < begin; c++) {
        const at = result + row * <usize> c;
        pixel(image, height, width, channels, filter, bias, side, dilation, top, c * stride - padding, at);
      }
      for (let c = begin; c < end; c += TILE) {
        const first = image + row * <usize> (top * width + c * stride - padding);
        const line = row * <usize> (dilation * width), tap = row * <usize> dilation;
        const at = result + row * <usize> c;
        inner3(first, row * <usize> stride, line, tap, channels, filter, bias, min(TILE, end - c), at);
      }
      for (let c = end; c < outWidth; c++) {
        const at = result + row * <usize> c;
        pixel(image, height, width, channels, filter, bias, side, dilation, top, c * stride - padding, at);
      }
    }
  }
}

/** The gradient of the input: dy times the filter, added to dx window by window. The caller sets dx to zero. */
export function depthwiseScatter(
  dy: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  filter: usize,
  side: i32,
  stride: i32,
  padding: i32,
  dilation: i32,
  outHeight: i32,
  outWidth: i32,
  dx: usize,
): void {
  const row = bytes(channels);
  for (let n = 0; n < images; n++) {
    const image = dx + row * <usize> (n * height * width);
    for (let r = 0; r < outHeight; r++) {
      for (let ky = 0; ky < side; ky++) {
        const line = r * stride - padding + ky * dilation;
        if (line < 0 || line >= height) continue;
        for (let kx = 0; kx < side; kx++) {
          const weights = filter + row * <usize> (ky * side + kx);
          const begin = firstInside(padding, kx * dilation, stride);
          const end = endInside(width, padding, kx * dilation, stride, outWidth);
          for (let c = begin; c < end; c++) {
            const from = dy + row * <usize> ((n * outHeight + r) * outWidth + c);
            const to = image + row * <usize> (line * width + c * stride - padding + kx * dilation);
            addProducts(from, weights, channels, to);
          }
        }
      }
    }
  }
}

/** part += dy times what one tap sees, over some columns. */
@inline
function tapSum(from: usize, seen: usize, step: usize, count: i32, channels: i32, part: usize): void {
  const row = bytes(channels);
  let c = 0;
  for (; c <= channels - 4; c += 4) {
    const at = bytes(c);
    let sum = v128.load(part + at), slope = from + at, value = seen + at;
    for (let k = 0; k < count; k++) {
      sum = f32x4.add(sum, f32x4.mul(v128.load(slope), v128.load(value)));
      slope += row;
      value += step;
    }
    v128.store(part + at, sum);
  }
  for (; c < channels; c++) {
    const at = bytes(c);
    let sum = load<f32>(part + at);
    for (let k = 0; k < count; k++) {
      sum += load<f32>(from + at + <usize> k * row) * load<f32>(seen + at + <usize> k * step);
    }
    store<f32>(part + at, sum);
  }
}

/** The same for the nine taps of 3x3 windows that lie inside the image: dy is read once. */
@inline
function innerSums3(
  from: usize,
  first: usize,
  step: usize,
  line: usize,
  tap: usize,
  count: i32,
  channels: i32,
  part: usize,
): void {
  const row = bytes(channels);
  let c = 0;
  for (; c <= channels - 4; c += 4) {
    const at = bytes(c), sums = part + at;
    let s0 = v128.load(sums), s1 = v128.load(sums + row), s2 = v128.load(sums + 2 * row);
    let s3 = v128.load(sums + 3 * row), s4 = v128.load(sums + 4 * row), s5 = v128.load(sums + 5 * row);
    let s6 = v128.load(sums + 6 * row), s7 = v128.load(sums + 7 * row), s8 = v128.load(sums + 8 * row);
    let slope = from + at, upper = first + at;
    for (let k = 0; k < count; k++) {
      const dy = v128.load(slope), middle = upper + line, lower = middle + line;
      s0 = f32x4.add(s0, f32x4.mul(v128.load(upper), dy));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(upper + tap), dy));
      s2 = f32x4.add(s2, f32x4.mul(v128.load(upper + 2 * tap), dy));
      s3 = f32x4.add(s3, f32x4.mul(v128.load(middle), dy));
      s4 = f32x4.add(s4, f32x4.mul(v128.load(middle + tap), dy));
      s5 = f32x4.add(s5, f32x4.mul(v128.load(middle + 2 * tap), dy));
      s6 = f32x4.add(s6, f32x4.mul(v128.load(lower), dy));
      s7 = f32x4.add(s7, f32x4.mul(v128.load(lower + tap), dy));
      s8 = f32x4.add(s8, f32x4.mul(v128.load(lower + 2 * tap), dy));
      slope += row;
      upper += step;
    }
    v128.store(sums, s0);
    v128.store(sums + row, s1);
    v128.store(sums + 2 * row, s2);
    v128.store(sums + 3 * row, s3);
    v128.store(sums + 4 * row, s4);
    v128.store(sums + 5 * row, s5);
    v128.store(sums + 6 * row, s6);
    v128.store(sums + 7 * row, s7);
    v128.store(sums + 8 * row, s8);
  }
  for (; c < channels; c++) {
    for (let t = 0; t < 9; t++) {
      const at = bytes(c), place = part + <usize> t * row + at;
      const seen = first + at + <usize> (t / 3) * line + <usize> (t % 3) * tap;
      let sum = load<f32>(place);
      for (let k = 0; k < count; k++) {
        sum += load<f32>(from + at + <usize> k * row) * load<f32>(seen + <usize> k * step);
      }
      store<f32>(place, sum);
    }
  }
}

/**
 * Sums over the output pixels of dy times what each tap sees, float32 [side, side, channels].
 * @param scratch 12 bytes a number of the result, aligned to 8
 */
export function depthwiseFilterGradient(
  dy: usize,
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  side: i32,
  stride: i32,
  padding: i32,
  dilation: i32,
  outHeight: i32,
  outWidth: i32,
  scratch: usize,
  gradient: usize,
): void {
  const taps = side * side, count = taps * channels, row = bytes(channels);
  const totals = scratch, part = scratch + 2 * bytes(count);
  memory.fill(scratch, 0, 3 * bytes(count));
  const reach = (side - 1) * dilation, step = row * <usize> stride;
  const left = firstInside(padding, 0, stride), right = endInside(width, padding, reach, stride, outWidth);
  let summed = 0;
  for (let n = 0; n < images; n++) {
    const image = x + row * <usize> (n * height * width);
    for (let r = 0; r < outHeight; r++) {
      const top = r * stride - padding;
      const slopes = dy + row * <usize> ((n * outHeight + r) * outWidth);
      const inside = side == 3 && top >= 0 && top + reach < height && left < right;
      if (inside) {
        for (let c = left; c < right; c += TILE) {
          const first = image + row * <usize> (top * width + c * stride - padding);
          const line = row * <usize> (dilation * width), tap = row * <usize> dilation;
          innerSums3(slopes + row * <usize> c, first, step, line, tap, min(TILE, right - c), channels, part);
        }
      }
      for (let t = 0; t < taps; t++) {
        const ky = t / side, kx = t % side, line = top + ky * dilation;
        if (line < 0 || line >= height) continue;
        const begin = firstInside(padding, kx * dilation, stride);
        const end = endInside(width, padding, kx * dilation, stride, outWidth);
        const seen = image + row * <usize> (line * width - padding + kx * dilation);
        const sums = part + row * <usize> t;
        if (!inside) {
          if (begin < end) {
            tapSum(slopes + row * <usize> begin, seen + step * <usize> begin, step, end - begin, channels, sums);
          }
          continue;
        }
        if (begin < left) {
          tapSum(slopes + row * <usize> begin, seen + step * <usize> begin, step, left - begin, channels, sums);
        }
        if (right < end) {
          tapSum(slopes + row * <usize> right, seen + step * <usize> right, step, end - right, channels, sums);
        }
      }
      summed += outWidth;
      if (summed >= CHUNK || (n == images - 1 && r == outHeight - 1)) {
        let k = 0;
        for (; k <= count - 2; k += 2) {
          const at = totals + (<usize> k << 3), from = part + bytes(k);
          v128.store(at, f64x2.add(v128.load(at), f64x2.promote_low_f32x4(v128.load64_zero(from))));
          store<u64>(from, 0);
        }
        for (; k < count; k++) {
          const at = totals + (<usize> k << 3);
          store<f64>(at, load<f64>(at) + <f64> load<f32>(part + bytes(k)));
          store<f32>(part + bytes(k), 0);
        }
        summed = 0;
      }
    }
  }
  for (let k = 0; k < count; k++) store<f32>(gradient + bytes(k), <f32> load<f64>(totals + (<usize> k << 3)));
}
