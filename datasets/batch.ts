/**
 * From decoded samples to batches. Everything random is in the request ({@linkcode SamplePlan}), so the same
 * request gives the same bytes on every thread.
 *
 * An image goes through: decode, resize and crop in one go, mirror, normalise into its part of the batch's
 * array. A size that is the same for all draws is applied once, before the sample is cached; where it varies,
 * only the pixels of the crop are made, with the bytes that they have in the whole. Labels and distributions
 * go the same way with nearest instead of bilinear pixels, since a label between two classes is neither.
 */
import { DataError } from "../core/errors.ts";
import type { Normalization, TrainingTransforms } from "../core/plan.ts";
import type { Dataset, Sample } from "../core/plugin.ts";
import { SOFT_BYTES, softOf } from "../core/soft_labels.ts";
import type { Maker } from "./maker.ts";
import { chosenPlace, type Held } from "./transforms/chosen_place.ts";
import { meanColour, normalizeInto } from "./transforms/normalize.ts";
import { countedPart, type Part } from "./transforms/counted_part.ts";
import { type PlaceDraw, preferredPlace } from "./transforms/preferred_place.ts";
import { flipSample, resizedCrop, resizeSample, shortSideSize } from "./transforms/sample.ts";

/** Images of one training step, ready for the network. */
export interface Batch {
  readonly ids: readonly string[];
  /** float32, N x H x W x 3, normalised */
  readonly images: Float32Array;
  /** Train ids, N x H x W; absent when the loader reads no labels */
  readonly labels?: Uint8Array;
  /**
   * Distributions over the classes, N x H x W pixels of `SOFT_BYTES`; there where labels are read and an
   * image has some.
   */
  readonly soft?: Uint8Array;
  /** Share of pixels that lie outside the images, in (0, 1); absent: none do. */
  readonly padding?: number;
  /** A factor for each image; absent: 1. */
  readonly marks?: readonly number[];
  /** Of each image the part whose pixels count; absent: all of it. */
  readonly counted?: readonly Part[];
  /** [height, width] in pixels */
  readonly size: readonly [number, number];
}

/** How batches are made; the same for all batches of a loader. */
export interface BatchOptions {
  readonly transforms: TrainingTransforms;
  readonly normalization: Normalization;
  /** false: no label is ever asked for. */
  readonly labels: boolean;
  /** Marks the padding of crops larger than their image. */
  readonly ignoreLabel: number;
  /** Decoded samples are kept up to about this many bytes. */
  readonly cacheBytes: number;
}

/** Every random decision about one image; plain data, so it can be sent to a worker. */
export interface SamplePlan {
  readonly index: number;
  /** Absent: size as read. */
  readonly shortSide?: number;
  /** Of the crop: vertical and horizontal place in [0, 1). */
  readonly place: readonly [number, number];
  readonly flip: boolean;
  /** Drawn for every image, used for those that prefer some classes in their crops. */
  readonly prefer: PlaceDraw;
  /**
   * Seeds the places of further crops, where the first one is not like what is wanted; absent: the first is
   * taken.
   */
  readonly again?: number;
  /** How much of a drawn class the crop should hold; absent: nothing is asked of it. */
  readonly holds?: Held;
}

/**
 * Makes batches of a dataset, whose images are read at once. Images come out in the order of the plans.
 * @throws DataError from `make` when a file cannot be used, or an image has no labels although `labels` is
 *   set
 */
export function batchMaker(dataset: Dataset, options: BatchOptions): Maker<readonly SamplePlan[], Batch> {
  const samples = sampleCache(dataset, options);
  return {
    async make(plan) {
      return batchOf(plan, await Promise.all(plan.map(({ index }) => samples.get(index))), options);
    },
    close: samples.clear,
  };
}

/** The batch of some samples: arrays of N x crop height x crop width pixels, filled image by image. */
function batchOf(
  plan: readonly SamplePlan[],
  samples: readonly Sample[],
  { transforms, normalization, labels, ignoreLabel }: BatchOptions,
): Batch {
  const [height, width] = transforms.crop;
  const images = new Float32Array(plan.length * height * width * 3);
  const ids = new Uint8Array(labels ? plan.length * height * width : 0);
  const fill = meanColour(normalization);
  const counted: Part[] = [];
  let covered = 0;
  const soft = labels && samples.some((sample) => sample.soft)
    ? new Uint8Array(ids.length * SOFT_BYTES)
    : undefined;
  for (const [n, { shortSide, place, flip, again, holds, prefer: draw }] of plan.entries()) {
    const read = samples[n]!;
    if (labels && !read.labels) {
      throw new DataError(read.id, "has no labels; training on a source needs them");
    }
    // What is resized whole was so before it was kept.
    const size = shortSide === undefined ? read : shortSideSize(read, shortSide);
    covered += Math.min(size.height, height) * Math.min(size.width, width);
    const wanted = { size, crop: transforms.crop, place, again, holds, criteria: transforms.criteria };
    const chosen = labels
      ? preferredPlace(read, { size, crop: transforms.crop, draw }) ??
        chosenPlace(read, { ...wanted, ignoreLabel })
      : place;
    const cropped = resizedCrop(read, size, { size: [height, width], place: chosen, fill, ignoreLabel });
    const { image, labels: cut, soft: shares } = flip ? flipSample(cropped) : cropped;
    if (transforms.margins) {
      const part = { size, crop: transforms.crop, place: chosen, flip };
      counted.push(countedPart(transforms.margins, part));
    }
    normalizeInto(image, normalization, { out: images, offset: n * image.length });
    if (labels && cut) ids.set(cut, n * cut.length);
    if (soft && cut) soft.set(shares ?? softOf(cut, ignoreLabel), n * cut.length * SOFT_BYTES);
  }
  const padding = 1 - covered / (plan.length * height * width);
  return {
    ids: samples.map(({ id }) => id),
    images,
    ...(labels ? { labels: ids } : {}),
    ...(soft ? { soft } : {}),
    ...(transforms.margins ? { counted } : {}),
    ...(padding > 0 ? { padding } : {}),
    ...(samples.some(({ mark }) => mark !== undefined) ? { marks: samples.map(({ mark = 1 }) => mark) } : {}),
    size: [height, width],
  };
}

/**
 * Keeps decoded samples until the bytes are used up, and then keeps those: with a new order each epoch,
 * replacing one by another would not raise the share that is found. A fixed size is applied once, before
 * keeping.
 */
function sampleCache(dataset: Dataset, options: BatchOptions) {
  const { labels, transforms: { shortSide, size }, cacheBytes } = options;
  const cache = new Map<number, Promise<Sample>>();
  let bytes = 0;
  const load = async (index: number): Promise<Sample> => {
    const sample = await dataset.read(index, { labels });
    if (size) return resizeSample(sample, { height: size[0], width: size[1] });
    return shortSide && shortSide[0] === shortSide[1]
      ? resizeSample(sample, shortSideSize(sample, shortSide[0]))
      : sample;
  };
  return {
    get(index: number): Promise<Sample> {
      const cached = cache.get(index);
      if (cached) return cached;
      const sample = load(index);
      if (bytes < cacheBytes) {
        cache.set(index, sample);
        sample.then(
          ({ image, labels, soft }) =>
            bytes += image.byteLength + (labels?.byteLength ?? 0) + (soft?.byteLength ?? 0),
          () => cache.delete(index),
        );
      }
      return sample;
    },
    clear: () => cache.clear(),
  };
}
