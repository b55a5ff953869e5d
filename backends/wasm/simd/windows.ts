/**
 * Windows that slide over images, float32 NHWC. `patches` copies what windows see into the rows of a matrix, so that
 * a convolution becomes a product; `addPatches` is its transpose, for the gradient; and max-pooling.
 */
import { bytes, copy } from "./math";

@inline
function clear(count: i32, to: usize): void {
  let c = 0;
  for (; c <= count - 4; c += 4) v128.store(to + bytes(c), f32x4.splat(0));
  for (; c < count; c++) store<f32>(to + bytes(c), 0);
}

@inline
function add(from: usize, count: i32, to: usize): void {
  let c = 0;
  for (; c <= count - 4; c += 4) {
    v128.store(to + bytes(c), f32x4.add(v128.load(to + bytes(c)), v128.load(from + bytes(c))));
  }
  for (; c < count; c++) store<f32>(to + bytes(c), load<f32>(to + bytes(c)) + load<f32>(from + bytes(c)));
}

/**
 * Copies what the windows of the output pixels `from` to `to` - 1 (counted over images, rows, columns) see: for each
 * a row of side * side * channels values, zeros outside the image.
 * @param result float32 [to - from, side * side * channels]
 */
export function patches(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  side: i32,
  stride: i32,
  padding: i32,
  dilation: i32,
  outHeight: i32,
  outWidth: i32,
  from: i32,
  to: i32,
  result: usize,
): void {
  let place = result;
  for (let pixel = from; pixel < to; pixel++) {
    const image = pixel / (outHeight * outWidth), inside = pixel % (outHeight * outWidth);
    const top = (inside / outWidth) * stride - padding, left = (inside % outWidth) * stride - padding;
    for (let ky = 0; ky < side; ky++) {
      const row = top + ky * dilation;
      if (row < 0 || row >= height) {
        clear(side * channels, place);
        place += bytes(side * channels);
        continue;
      }
      const line = x + bytes(channels) * <usize> ((image * height + row) * width);
      for (let kx = 0; kx < side; kx++) {
        const column = left + kx * dilation;
        if (column < 0 || column >= width) clear(channels, place);
        else copy(line + bytes(channels) * <usize> column, channels, place);
        place += bytes(channels);
      }
    }
  }
}

/** The transpose of {@linkcode patches}: every value of the rows is added to the pixel it was copied from. */
export function addPatches(
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  side: i32,
  stride: i32,
  padding: i32,
  dilation: i32,
  outHeight: i32,
  outWidth: i32,
  from: i32,
  to: i32,
  rows: usize,
): void {
  let place = rows;
  for (let pixel = from; pixel < to; pixel++) {
    const image = pixel / (outHeight * outWidth), inside = pixel % (outHeight * outWidth);
    const top = (inside / outWidth) * stride - padding, left = (inside % outWidth) * stride - padding;
    for (let ky = 0; ky < side; ky++) {
      const row = top + ky * dilation;
      if (row < 0 || row >= height) {
        place += bytes(side * channels);
        continue;
      }
      const line = dx + bytes(channels) * <usize> ((image * height + row) * width);
      for (let kx = 0; kx < side; kx++) {
        const column = left + kx * dilation;
        if (column >= 0 && column < width) add(place, channels, line + bytes(channels) * <usize> column);
        place += bytes(channels);
      }
    }
  }
}

/** The largest value of every window; pixels outside the image never win, NaN always does. */
export function maxPool(
  x: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  side: i32,
  stride: i32,
  padding: i32,
  outHeight: i32,
  outWidth: i32,
  y: usize,
): void {
  const lowest = f32x4.splat(-Infinity);
  for (let image = 0; image < images; image++) {
    for (let r = 0; r < outHeight; r++) {
      const top = max(0, r * stride - padding), bottom = min(height, r * stride - padding + side);
      for (let q = 0; q < outWidth; q++) {
        const left = max(0, q * stride - padding), right = min(width, q * stride - padding + side);
        const target = y + bytes(channels) * <usize> ((image * outHeight + r) * outWidth + q);
        let c = 0;
        for (; c <= channels - 4; c += 4) {
          let best = lowest;
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) {
              const at = bytes(channels) * <usize> ((image * height + row) * width + column);
              best = f32x4.max(best, v128.load(x + at + bytes(c)));
            }
          }
          v128.store(target + bytes(c), best);
        }
        for (; c < channels; c++) {
          let best: f32 = -Infinity;
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) {
              const at = bytes(channels) * <usize> ((image * height + row) * width + column);
              best = max(best, load<f32>(x + at + bytes(c)));
            }
          }
          store<f32>(target + bytes(c), best);
        }
      }
    }
  }
}

/** The gradient of {@linkcode maxPool}, added to `dx`: the first largest value of each window takes it. */
export function maxPoolGradient(
  dy: usize,
  x: usize,
  y: usize,
  images: i32,
  height: i32,
  width: i32,
  channels: i32,
  side: i32,
  stride: i32,
  padding: i32,
  outHeight: i32,
  outWidth: i32,
  dx: usize,
): void {
  for (let image = 0; image < images; image++) {
    for (let r = 0; r < outHeight; r++) {
      const top = max(0, r * stride - padding), bottom = min(height, r * stride - padding + side);
      for (let q = 0; q < outWidth; q++) {
        const left = max(0, q * stride - padding), right = min(width, q * stride - padding + side);
        const target = bytes(channels) * <usize> ((image * outHeight + r) * outWidth + q);
        let c = 0;
        for (; c <= channels - 4; c += 4) {
          let open = i32x4.splat(-1);
          const peak = v128.load(y + target + bytes(c)), slope = v128.load(dy + target + bytes(c));
          for (let row = top; row < bottom; row++) {
            for (let column = left; column < right; column++) {
              const at = bytes(channels) * <usize> ((image * height + row) * width + column) + bytes(c);
              const taken = v128.and(f32x4.eq(v128.load(x + at), peak), open);
              if (!v128.any_true(taken)) continue;
              open = v128.andnot(open, taken);
              v128.store(dx + at, f32x4.add(v128.load(dx + at), v128.and(slope, taken)));
            }
          }
        }
        for (; c < channels; c++) {
          const peak = load<f32>(y + target + bytes(c));
          let open = true;
          for (let row = top; open && row < bottom; row++) {
            for (let column = left; open && column < right; column++) {
              const at = bytes(channels) * <usize> ((image * height + row) * width + column) + bytes(c);
              if (load<f32>(x + at) == peak) {
                store<f32>(dx + at, load<f32>(dx + at) + load<f32>(dy + target + bytes(c)));
                open = false;
              }
            }
          }
        }
      }
    }
  }
}
