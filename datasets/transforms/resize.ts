/** A raster of bytes: `channels` bytes a pixel, row-major. Sizes in pixels, both at least 1. */
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

/** Fractional bits of the fixed-point weights: 8 bits of pixel, 2 of headroom, 22 of weight make 32. */
const BITS = 22;

/**
 * Bilinear resize whose every byte equals Pillow's `Image.resize(size, BILINEAR)`: a triangle filter that widens
 * when shrinking (antialias), weights in 22-bit fixed point, the horizontal pass first and rounded to bytes.
 * An equal size returns the input.
 */
export function resizeBilinear(raster: Raster, size: Size): Raster {
  const narrowed = size.width === raster.width ? raster : horizontal(raster, size.width);
  return size.height === raster.height ? narrowed : vertical(narrowed, size.height);
}

/**
 * Nearest resize whose every byte equals Pillow's `Image.resize(size, NEAREST)`: the pixel under the middle of the
 * new one, floor((x + 0.5) * from / to). For labels: no value is invented. An equal size returns the input.
 */
export function resizeNearest(raster: Raster, size: Size): Raster {
  if (size.width === raster.width && size.height === raster.height) return raster;
  const { width, height, channels, data } = raster;
  const columns = nearestPlaces(width, size.width);
  const rows = nearestPlaces(height, size.height);
  const out = new Uint8Array(size.width * size.height * channels);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * width + column) * channels;
      for (let channel = 0; channel < channels; channel++) out[at++] = data[from + channel]!;
    }
  }
  return { ...size, channels, data: out };
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

/** For every new pixel: the first old one that counts, how many count, and their weights. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

function triangleTaps(from: number, to: number): Taps {
  const scale = from / to;
  const widen = Math.max(1, scale);
  const stride = Math.ceil(widen) * 2 + 1;
  const taps = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Int32Array(to * stride),
    stride,
  };
  for (let k = 0; k < to; k++) {
    const centre = (k + 0.5) * scale;
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

function horizontal({ width, height, channels, data }: Raster, to: number): Raster {
  const { first, count, weights, stride } = triangleTaps(width, to);
  const out = new Uint8Array(to * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const from = (y * width + first[x]!) * channels;
      const taps = count[x]!;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 1 << (BITS - 1);
        for (let n = 0; n < taps; n++) sum += data[from + n * channels + channel]! * weights[x * stride + n]!;
        out[(y * to + x) * channels + channel] = clip(sum >> BITS);
      }
    }
  }
  return { width: to, height, channels, data: out };
}

function vertical({ width, height, channels, data }: Raster, to: number): Raster {
  const { first, count, weights, stride } = triangleTaps(height, to);
  const row = width * channels;
  const out = new Uint8Array(row * to);
  const sums = new Int32Array(row);
  for (let y = 0; y < to; y++) {
    sums.fill(1 << (BITS - 1));
    for (let n = 0; n < count[y]!; n++) {
      const weight = weights[y * stride + n]!;
      const from = (first[y]! + n) * row;
      for (let k = 0; k < row; k++) sums[k] = sums[k]! + data[from + k]! * weight;
    }
    for (let k = 0; k < row; k++) out[y * row + k] = clip(sums[k]! >> BITS);
  }
  return { width, height: to, channels, data: out };
}

function clip(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
