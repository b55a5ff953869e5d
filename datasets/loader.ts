import { DataError, UserError } from "../core/errors.ts";
import type { EvaluationPlan, Normalization, TrainingTransforms } from "../core/plan.ts";
import type { Dataset, Sample } from "../core/plugin.ts";
import { Random } from "../core/random.ts";
import { meanColour, normalizeInto } from "./transforms/normalize.ts";
import { cropSample, flipSample, resizeSample, shortSideSize } from "./transforms/sample.ts";

/** Images of one training step, ready for the network. */
export interface Batch {
  readonly ids: readonly string[];
  /** float32, N x H x W x 3, normalised */
  readonly images: Float32Array;
  /** Train ids, N x H x W; absent when the loader reads no labels */
  readonly labels?: Uint8Array;
  /** [height, width] in pixels */
  readonly size: readonly [number, number];
}

/** What a training loader does. */
export interface TrainLoaderOptions {
  readonly transforms: TrainingTransforms;
  readonly normalization: Normalization;
  /** Images per batch. */
  readonly batch: number;
  readonly seed: number;
  /** Names the loader's random numbers: two loaders of a run with different names draw independently. */
  readonly stream: string;
  /** false: no label is ever asked for. */
  readonly labels: boolean;
  /** Marks the padding of crops larger than their image. */
  readonly ignoreLabel: number;
  /** Decoded samples are kept up to this many bytes. Default 512 MiB. */
  readonly cacheBytes?: number;
}

/** An endless sequence of batches. */
export interface TrainLoader {
  /** The next batch; most often it is ready. @throws DataError when an image or label file cannot be used */
  next(): Promise<Batch>;
  /** Stops reading ahead and frees what was kept. */
  close(): void;
}

/** Batches that are prepared before they are asked for. */
const AHEAD = 2;

/**
 * Reads `dataset` forever in seeded random orders, every image once per epoch; a batch may reach into the next
 * epoch. Short side, crop and flip are drawn when a batch is planned, not when its files arrive, so the sequence
 * depends on the seed alone. The next two batches are prepared in the background.
 * @throws UserError when the dataset is empty
 */
export function trainLoader(dataset: Dataset, options: TrainLoaderOptions): TrainLoader {
  if (dataset.length === 0) throw new UserError("The dataset is empty; training needs at least one image");
  const plans = batchPlans(dataset.length, options);
  const samples = sampleCache(dataset, options);
  const ready: Promise<Batch>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  const prepare = () => {
    while (ready.length < AHEAD) {
      const plan = plans();
      const batch = last.then(() => {
        if (closed) throw new Error("the loader was closed");
        return makeBatch(plan, samples.get, options);
      });
      // A failure is the business of whoever takes this batch; until then it is not unhandled.
      last = batch.catch(() => {});
      ready.push(batch);
    }
  };
  prepare();

  return {
    next() {
      if (closed) return Promise.reject(new Error("the loader was closed"));
      const batch = ready.shift()!;
      prepare();
      return batch;
    },
    close() {
      closed = true;
      ready.length = 0;
      samples.clear();
    },
  };
}

/** Every random decision about one image. */
interface SamplePlan {
  readonly index: number;
  /** Absent: size as read. */
  readonly shortSide?: number;
  readonly place: readonly [number, number];
  readonly flip: boolean;
}

function batchPlans(length: number, options: TrainLoaderOptions): () => SamplePlan[] {
  const { transforms, batch } = options;
  const random = Random.stream(options.seed, `loader/${options.stream}`);
  let order = new Int32Array(0);
  let used = 0;
  const plan = (): SamplePlan => {
    if (used === order.length) {
      order = Int32Array.from(random.permutation(length));
      used = 0;
    }
    const index = order[used++]!;
    const range = transforms.shortSide;
    return {
      index,
      ...(range ? { shortSide: random.integer(range[0], range[1]) } : {}),
      place: [random.next(), random.next()],
      flip: transforms.flip && random.next() < 0.5,
    };
  };
  return () => Array.from({ length: batch }, plan);
}

async function makeBatch(
  plan: readonly SamplePlan[],
  read: (index: number) => Promise<Sample>,
  { transforms, normalization, labels, ignoreLabel }: TrainLoaderOptions,
): Promise<Batch> {
  const samples = await Promise.all(plan.map(({ index }) => read(index)));
  const [height, width] = transforms.crop;
  const images = new Float32Array(plan.length * height * width * 3);
  const ids = new Uint8Array(labels ? plan.length * height * width : 0);
  const fill = meanColour(normalization);
  for (const [n, { shortSide, place, flip }] of plan.entries()) {
    const read = samples[n]!;
    if (labels && !read.labels) {
      throw new DataError(read.id, "has no labels; training on a source needs them");
    }
    const sized = shortSide === undefined ? read : resizeSample(read, shortSideSize(read, shortSide));
    const cropped = cropSample(sized, { size: [height, width], place, fill, ignoreLabel });
    const { image, labels: cut } = flip ? flipSample(cropped) : cropped;
    normalizeInto(image, normalization, { out: images, offset: n * image.length });
    if (labels && cut) ids.set(cut, n * cut.length);
  }
  return {
    ids: samples.map(({ id }) => id),
    images,
    ...(labels ? { labels: ids } : {}),
    size: [height, width],
  };
}

/**
 * Keeps decoded samples until the bytes are used up, and then keeps those: with a new order each epoch, replacing
 * one by another would not raise the share that is found. A fixed short side is applied once, before keeping.
 */
function sampleCache(dataset: Dataset, options: TrainLoaderOptions) {
  const { labels, transforms: { shortSide }, cacheBytes = 512 * 2 ** 20 } = options;
  const kept = new Map<number, Promise<Sample>>();
  let bytes = 0;
  const load = async (index: number): Promise<Sample> => {
    const sample = await dataset.read(index, { labels });
    return shortSide && shortSide[0] === shortSide[1]
      ? resizeSample(sample, shortSideSize(sample, shortSide[0]))
      : sample;
  };
  return {
    get(index: number): Promise<Sample> {
      const found = kept.get(index);
      if (found) return found;
      const sample = load(index);
      if (bytes < cacheBytes) {
        kept.set(index, sample);
        sample.then(
          ({ image, labels }) => bytes += image.byteLength + (labels?.byteLength ?? 0),
          () => kept.delete(index),
        );
      }
      return sample;
    },
    clear: () => kept.clear(),
  };
}

/** One image of a split, ready for the network, with the labels to compare with. */
export interface EvaluationImage {
  readonly id: string;
  /** float32, height x width x 3, normalised */
  readonly images: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Train ids, labelHeight x labelWidth */
  readonly labels?: Uint8Array;
  readonly labelHeight: number;
  readonly labelWidth: number;
}

/**
 * The images of a split in order, at most `evaluation.limit`, each resized as `evaluation.size` says; labels in
 * the file's size or, with `labelSize: "input"`, resized to the input. The following image is read while the
 * caller works on one. An empty dataset yields nothing. @throws DataError when a file cannot be used
 */
export async function* evaluationImages(
  dataset: Dataset,
  options: { readonly evaluation: EvaluationPlan; readonly normalization: Normalization },
): AsyncGenerator<EvaluationImage, void, void> {
  const count = Math.min(dataset.length, options.evaluation.limit ?? Infinity);
  const load = async (index: number) => evaluationImage(await dataset.read(index, { labels: true }), options);
  let ahead = count > 0 ? load(0) : undefined;
  for (let index = 0; index < count; index++) {
    const image = await ahead!;
    ahead = index + 1 < count ? load(index + 1) : undefined;
    // Its failure is reported when its turn comes; until then it is not unhandled.
    ahead?.catch(() => {});
    yield image;
  }
}

function evaluationImage(
  sample: Sample,
  { evaluation: { size, labelSize }, normalization }: {
    readonly evaluation: EvaluationPlan;
    readonly normalization: Normalization;
  },
): EvaluationImage {
  const wanted = size === undefined
    ? { width: sample.width, height: sample.height }
    : typeof size === "number"
    ? shortSideSize(sample, size)
    : { width: size[1], height: size[0] };
  const input = resizeSample(sample, wanted);
  const measured = labelSize === "input" ? input : sample;
  const images = new Float32Array(input.image.length);
  normalizeInto(input.image, normalization, { out: images, offset: 0 });
  return {
    id: sample.id,
    images,
    height: input.height,
    width: input.width,
    ...(measured.labels ? { labels: measured.labels } : {}),
    labelHeight: measured.height,
    labelWidth: measured.width,
  };
}
