/**
 * What is done to a sample as a whole: image, labels and distributions always together, so that they stay
 * aligned.
 */
import type { Sample } from "../../core/plugin.ts";
import { SOFT_BYTES } from "../../core/soft_labels.ts";
import { resizeBilinear, resizeNearest, type Size, type Window } from "./resize.ts";

/**
 * The image resized bilinearly, labels and distributions by the nearest pixel. Of a `window` of the new image
 * only its pixels are made. The same size without a window returns the sample's own pixels.
 */
export function resizeSample(sample: Sample, size: Size, window?: Window): Sample {
  const image = resizeBilinear({ ...sample, channels: 3, data: sample.image }, size, window);
  const labels = sample.labels &&
    resizeNearest({ ...sample, channels: 1, data: sample.labels }, size, window).data;
  const soft = sample.soft &&
    resizeNearest({ ...sample, channels: SOFT_BYTES, data: sample.soft }, size, window).data;
  const { width, height, data } = image;
  const { labels: _, soft: __, ...rest } = sample;
  return { ...rest, width, height, image: data, ...(labels ? { labels } : {}), ...(soft ? { soft } : {}) };
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
 * A window of the sample resized to `size`, byte for byte {@linkcode resizeSample} and then the cut, but
 * nothing outside the window is made. Where the resized sample is smaller than the window it lies at the top
 * left, and the rest is the fill colour and the ignore label.
 */
export function resizedCrop(sample: Sample, { width, height }: Size, crop: Crop): Sample {
  const [rows, columns] = crop.size;
  const window = windowAt({ width, height }, crop);
  const cut = resizeSample(sample, { width, height }, window);
  return cut.width === columns && cut.height === rows ? cut : padded(cut, crop);
}

/**
 * The window of a crop in an image of this size. A place in [0, 1) chooses evenly among all windows that fit;
 * an image smaller than the crop has one, all of it.
 */
export function windowAt(
  { width, height }: Size,
  { size: [rows, columns], place }: Pick<Crop, "size" | "place">,
): Window {
  return {
    top: Math.floor(place[0] * (Math.max(0, height - rows) + 1)),
    left: Math.floor(place[1] * (Math.max(0, width - columns) + 1)),
    height: Math.min(rows, height),
    width: Math.min(columns, width),
  };
}

/**
 * A sample in the top left of a canvas of the crop's size; the rest is the fill colour, the ignore label and
 * zero distributions.
 */
function padded(
  { width, height, image, labels, soft, ...rest }: Sample,
  { size, fill, ignoreLabel }: Crop,
): Sample {
  const [rows, columns] = size;
  const canvas = new Uint8Array(rows * columns * 3);
  for (let at = 0; at < canvas.length; at++) canvas[at] = fill[at % 3]!;
  const ids = labels && new Uint8Array(rows * columns).fill(ignoreLabel);
  const shares = soft && new Uint8Array(rows * columns * SOFT_BYTES);
  for (let y = 0; y < height; y++) {
    const from = y * width;
    canvas.set(image.subarray(from * 3, (from + width) * 3), y * columns * 3);
    if (ids) ids.set(labels!.subarray(from, from + width), y * columns);
    shares?.set(soft!.subarray(from * SOFT_BYTES, (from + width) * SOFT_BYTES), y * columns * SOFT_BYTES);
  }
  return {
    ...rest,
    width: columns,
    height: rows,
    image: canvas,
    ...(ids ? { labels: ids } : {}),
    ...(shares ? { soft: shares } : {}),
  };
}

/** Mirrored left to right. */
export function flipSample(sample: Sample): Sample {
  const image = mirrored(sample.image, sample.width, 3);
  const labels = sample.labels && mirrored(sample.labels, sample.width, 1);
  const soft = sample.soft && mirrored(sample.soft, sample.width, SOFT_BYTES);
  return { ...sample, image, ...(labels ? { labels } : {}), ...(soft ? { soft } : {}) };
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
