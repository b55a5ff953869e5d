/**
 * Resizing, equal to Pillow byte for byte.
 *
 * Published results were trained on images resized by Pillow, and a resize that differs in the last bit makes
 * comparisons with them less than exact. So Pillow's arithmetic is followed: the filter, the fixed-point
 * weights, the order of the passes, even how places are summed up.
 *
 * A resize is two passes of one dimension. For every new pixel, {@linkcode Taps} has the old pixels that
 * count and their weights. Windows are what makes training cheap: of a photograph resized to 2048 x 1024 only
 * the 512 x 512 of the crop are computed, with the bytes that they have in the whole.
 */

/** A raster of bytes: `channels` bytes a pixel, row-major. Sides in pixels, both at least 1. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A part of an image: its first column and row, and its size; inside the image. */
export interface Window extends Size {
  readonly left: number;
  readonly top: number;
}

/** Fractional bits of the fixed-point weights: 8 bits of pixel, 2 of headroom, 22 of weight make 32. */
const BITS = 22;

/**
 * Bilinear resize whose every byte equals Pillow's `Image.resize(size, BILINEAR)`: a triangle filter that
 * widens when shrinking (antialias), weights in 22-bit fixed point, the horizontal pass first and rounded to
 * bytes. With a `window` of the new image only its pixels are made, from the old rows and columns they need,
 * with the very bytes they have in the whole. An equal size without a window returns the input.
 */
export function resizeBilinear(raster: Raster, size: Size, window: Window = whole(size)): Raster {
  const columns = { from: raster.width, to: size.width, first: window.left, count: window.width };
  const rows = { from: raster.height, to: size.height, first: window.top, count: window.height };
  if (rows.from === rows.to) return horizontal(cut(raster, "rows", rows), columns);
  const taps = triangleTaps(rows);
  const needed = { from: rows.from, to: rows.from, ...spanOf(taps) };
  return vertical(horizontal(cut(raster, "rows", needed), columns), taps);
}

/**
 * Nearest resize whose every byte equals Pillow's `Image.resize(size, NEAREST)`: the pixel under the middle
 * of the new one, floor((x + 0.5) * from / to). For labels: no value is invented. With a `window` of the new
 * image only its pixels are made. An equal size without a window returns the input.
 */
export function resizeNearest(raster: Raster, size: Size, window: Window = whole(size)): Raster {
  const { width, height, channels, data } = raster;
  if (window.width === width && window.height === height && size.width === width && size.height === height) {
    return raster;
  }
  const columns = nearestPlaces(width, size.width).subarray(window.left, window.left + window.width);
  const rows = nearestPlaces(height, size.height).subarray(window.top, window.top + window.height);
  const out = new Uint8Array(rows.length * columns.length * channels);
  let at = 0;
  for (const row of rows) {
    for (let k = 0; k < columns.length; k++) {
      const from = (row * width + columns[k]!) * channels;
      for (let channel = 0; channel < channels; channel++) out[at++] = data[from + channel]!;
    }
  }
  return { width: columns.length, height: rows.length, channels, data: out };
}

function whole(size: Size): Window {
  return { left: 0, top: 0, ...size };
}

function nearestPlaces(from: number, to: number): Int32Array {
  const places = new Int32Array(to);
  const scale = from / to;
  // Pillow adds the scale up instead of multiplying; the rounding differs, and so would single pixels.
  let place = scale * 0.5;
  for (let k = 0; k < to; k++) {
    places[k] = Math.min(from - 1, Math.floor(place));
    place += scale;
  }
  return places;
}

/** One axis: `from` old pixels become `to` new ones, of which `count` from `first` on are wanted. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly first: number;
  readonly count: number;
}

/**
 * For every wanted pixel: the first old pixel that counts, how many count, and their weights as integers that
 * add up to about 2^22, `stride` of them a pixel.
 */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

/**
 * The triangle filter: of half-width 1 when enlarging (bilinear), widened by the factor when shrinking, so
 * that all old pixels count.
 */
function triangleTaps({ from, to, first: start, count: wanted }: Axis): Taps {
  const scale = from / to;
  const widen = Math.max(1, scale);
  const stride = Math.ceil(widen) * 2 + 1;
  const taps = {
    first: new Int32Array(wanted),
    count: new Int32Array(wanted),
    weights: new Int32Array(wanted * stride),
    stride,
  };
  for (let k = 0; k < wanted; k++) {
    const centre = (start + k + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - widen + 0.5));
    const end = Math.min(from, Math.trunc(centre + widen + 0.5));
    const raw: number[] = [];
    for (let x = first; x < end; x++) raw.push(Math.max(0, 1 - Math.abs((x - centre + 0.5) * (1 / widen))));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    taps.first[k] = first;
    taps.count[k] = raw.length;
    raw.forEach((weight, n) => taps.weights[k * stride + n] = Math.trunc(0.5 + weight / sum * 2 ** BITS));
  }
  return taps;
}

/**
 * The range of old pixels that any wanted one needs. Changes `first` of the taps, which counts from there
 * afterwards.
 */
function spanOf({ first, count }: Taps): { readonly first: number; readonly count: number } {
  const start = first[0]!, last = first.length - 1;
  const end = first[last]! + count[last]!;
  for (let k = 0; k <= last; k++) first[k] = first[k]! - start;
  return { first: start, count: end - start };
}

/** Consecutive rows share the memory, columns are copied. */
function cut(raster: Raster, axis: "rows" | "columns", { first, count }: Axis): Raster {
  const { width, height, channels, data } = raster;
  if (axis === "rows") {
    if (count === height) return raster;
    const row = width * channels;
    return { width, height: count, channels, data: data.subarray(first * row, (first + count) * row) };
  }
  if (count === width) return raster;
  const out = new Uint8Array(count * height * channels);
  for (let y = 0; y < height; y++) {
    const from = (y * width + first) * channels;
    out.set(data.subarray(from, from + count * channels), y * count * channels);
  }
  return { width: count, height, channels, data: out };
}

/** Resizes rows; the result is rounded to bytes, as Pillow does between its passes. */
function horizontal(raster: Raster, axis: Axis): Raster {
  if (axis.from === axis.to) return cut(raster, "columns", axis);
  const { width, height, channels, data } = raster;
  const { first, count, weights, stride } = triangleTaps(axis);
  const to = axis.count;
  const out = new Uint8Array(to * height * channels);
  const half = 1 << (BITS - 1);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const from = (y * width + first[x]!) * channels;
      const start = x * stride, end = start + count[x]!;
      if (channels === 3) {
        let red = half, green = half, blue = half;
        for (let n = start, k = from; n < end; n++, k += 3) {
          const weight = weights[n]!;
          red += Math.imul(data[k]!, weight);
          green += Math.imul(data[k + 1]!, weight);
          blue += Math.imul(data[k + 2]!, weight);
        }
        // Weights are positive and sum to 1 within rounding, so only the upper end can be passed.
        out[at++] = Math.min(255, red >> BITS);
        out[at++] = Math.min(255, green >> BITS);
        out[at++] = Math.min(255, blue >> BITS);
        continue;
      }
      for (let channel = 0; channel < channels; channel++) {
        let sum = half;
        for (let n = start, k = from + channel; n < end; n++, k += channels) {
          sum += Math.imul(data[k]!, weights[n]!);
        }
        out[at++] = Math.min(255, sum >> BITS);
      }
    }
  }
  return { width: to, height, channels, data: out };
}

/** Resizes columns. */
function vertical({ width, channels, data }: Raster, { first, count, weights, stride }: Taps): Raster {
  const row = width * channels, height = first.length;
  const out = new Uint8Array(row * height);
  const sums = new Int32Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(1 << (BITS - 1));
    for (let n = 0; n < count[y]!; n++) {
      const weight = weights[y * stride + n]!;
      const from = (first[y]! + n) * row;
      for (let k = 0; k < row; k++) sums[k] = sums[k]! + Math.imul(data[from + k]!, weight);
    }
    for (let k = 0; k < row; k++) out[y * row + k] = Math.min(255, sums[k]! >> BITS);
  }
  return { width, height, channels, data: out };
}
