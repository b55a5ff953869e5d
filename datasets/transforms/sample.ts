import type { Sample } from "../../core/plugin.ts";
import { resizeBilinear, resizeNearest, type Size } from "./resize.ts";

/** The image bilinearly, its labels by the nearest pixel; same size: the sample itself. */
export function resizeSample(sample: Sample, size: Size): Sample {
  if (size.width === sample.width && size.height === sample.height) return sample;
  const image = resizeBilinear({ ...sample, channels: 3, data: sample.image }, size).data;
  const labels = sample.labels && resizeNearest({ ...sample, channels: 1, data: sample.labels }, size).data;
  return { id: sample.id, ...size, image, ...(labels ? { labels } : {}) };
}

/** The size whose short side is `short` pixels, aspect kept, the long side rounded. */
export function shortSideSize({ width, height }: Size, short: number): Size {
  return width < height
    ? { width: short, height: Math.max(1, Math.round(height * short / width)) }
    : { width: Math.max(1, Math.round(width * short / height)), height: short };
}

/** Where and how to crop. */
export interface Crop {
  /** [height, width] in pixels */
  readonly size: readonly [number, number];
  /** Vertical and horizontal place in [0, 1): 0 is the first window that fits, just below 1 the last. */
  readonly place: readonly [number, number];
  /** RGB of the padding. */
  readonly fill: readonly [number, number, number];
  readonly ignoreLabel: number;
}

/**
 * A window of the sample. Where the sample is smaller than the window it lies at the top left, and the rest is the
 * fill colour and the ignore label.
 */
export function cropSample(sample: Sample, crop: Crop): Sample {
  const [height, width] = crop.size;
  const top = Math.floor(crop.place[0] * (Math.max(0, sample.height - height) + 1));
  const left = Math.floor(crop.place[1] * (Math.max(0, sample.width - width) + 1));
  const rows = Math.min(height, sample.height), columns = Math.min(width, sample.width);
  const image = new Uint8Array(height * width * 3);
  if (rows < height || columns < width) {
    for (let at = 0; at < image.length; at++) image[at] = crop.fill[at % 3]!;
  }
  const labels = sample.labels && new Uint8Array(height * width).fill(crop.ignoreLabel);
  for (let y = 0; y < rows; y++) {
    const from = (top + y) * sample.width + left;
    image.set(sample.image.subarray(from * 3, (from + columns) * 3), y * width * 3);
    if (labels) labels.set(sample.labels!.subarray(from, from + columns), y * width);
  }
  return { id: sample.id, width, height, image, ...(labels ? { labels } : {}) };
}

/** Mirrored left to right. */
export function flipSample(sample: Sample): Sample {
  const image = mirrored(sample.image, sample.width, 3);
  const labels = sample.labels && mirrored(sample.labels, sample.width, 1);
  return { ...sample, image, ...(labels ? { labels } : {}) };
}

function mirrored(data: Uint8Array, width: number, channels: number): Uint8Array {
  const out = new Uint8Array(data.length);
  const row = width * channels;
  for (let start = 0; start < data.length; start += row) {
    for (let x = 0; x < width; x++) {
      const from = start + x * channels, to = start + (width - 1 - x) * channels;
      for (let channel = 0; channel < channels; channel++) out[to + channel] = data[from + channel]!;
    }
  }
  return out;
}
