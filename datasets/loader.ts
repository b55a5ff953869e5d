/**
 * The order of training: which images, and every random decision about them, in batches prepared ahead of
 * their step.
 *
 * Think of a list of *sample plans* that goes on forever: image 17, short side 540, crop at (0.31, 0.84),
 * mirrored; image 4, ... The list follows from the seed and the loader's name alone ({@linkcode batchPlans}).
 * Reading files, decoding, cropping are work on this list that anybody may do, in any order, on any thread:
 * no random number is drawn there. From this follows what a run relies on:
 *
 * - One worker, four, or none give the same batches, and so do slow and fast disks.
 * - A resumed run walks over the plans of the steps that are done (`skip`) without reading a file, and then
 *   continues with the very images that an uninterrupted run would see.
 * - A second loader with the same options reads the same images again: {@linkcode batchLookup} gives the
 *   labels of a loader that must not see them, for measurements.
 *
 * Three kinds of decision draw from streams of their own (`draw`, `prefer`, `again`), because how many
 * numbers they take may depend on the data or the options; the numbers of the others must not shift with
 * them. Drawing in another order, or a number more, changes every run from the same seed.
 */
import { UserError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Place } from "../core/world.ts";
import { type Batch, batchMaker, type BatchOptions, type SamplePlan } from "./batch.ts";
import type { Maker } from "./maker.ts";
import type { ImageDraw } from "./rare_classes.ts";
import type { InputDataset } from "./workers/pool.ts";

export type { Batch } from "./batch.ts";

/** What a training loader reads and how far it prepares. */
export interface TrainLoaderOptions extends Omit<BatchOptions, "cacheBytes"> {
  /** Images per batch, of all processes together. */
  readonly batch: number;
  /**
   * Which part of every batch is read: of `size` equal parts the `rank`-th. All of it is decided on, so the
   * parts of all processes are the batch of one. Absent: the whole.
   */
  readonly share?: Place | undefined;
  readonly seed: number;
  /** Names the loader's random numbers: two loaders of a run with different names draw independently. */
  readonly stream: string;
  /**
   * Chooses every image, as rare-class sampling does; absent: each image once per epoch, in a new random
   * order for each.
   */
  readonly draw?: ImageDraw | undefined;
  /**
   * Batches at the beginning that are planned but neither read nor returned: the steps that an earlier
   * process has done. Default 0.
   */
  readonly skip?: number;
  /** Batches that are prepared before they are asked for. Default 2. */
  readonly ahead?: number;
  /**
   * Decoded samples are kept up to this many bytes, in equal shares when several workers read. Default 512
   * MiB.
   */
  readonly cacheBytes?: number;
}

/** An endless sequence of batches. */
export interface TrainLoader {
  /** The next batch; most often it is ready. @throws DataError when an image or label file cannot be used */
  next(): Promise<Batch>;
  /** Stops reading ahead and frees what was kept. */
  close(): void;
}

/**
 * Reads `dataset` forever in seeded random orders, every image once per epoch, or as `draw` chooses; a batch
 * may reach into the next epoch. The next `ahead` batches are prepared in the dataset's workers or, where it
 * has none, one after the other between the caller's own work. A batch that fails rejects when its turn
 * comes.
 * @throws UserError when the dataset is empty
 */
export function trainLoader(dataset: InputDataset, options: TrainLoaderOptions): TrainLoader {
  if (dataset.length === 0) throw new UserError("The dataset is empty; training needs at least one image");
  const { ahead = 2, skip = 0 } = options;
  const plans = batchPlans(dataset.length, options);
  for (let k = 0; k < skip; k++) plans();
  const maker = makerFor(dataset, options);
  const ready: Promise<Batch>[] = [];
  let closed = false;

  const prepare = () => {
    while (ready.length < ahead) {
      const batch = maker.make(plans());
      // The caller who takes this batch gets the failure; until then it must not count as unhandled.
      batch.catch(() => {});
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
      maker.close();
    },
  };
}

/** Single batches of a sequence. */
export interface BatchLookup {
  /** The k-th batch, counted from 0 with the skipped ones; k rises from call to call. @throws DataError */
  at(k: number): Promise<Batch>;
  close(): void;
}

/**
 * The same batches that a {@linkcode trainLoader} with the same options gives, but only those that are asked
 * for are read, and only then. `close` it like a loader.
 */
export function batchLookup(
  dataset: InputDataset,
  options: Omit<TrainLoaderOptions, "skip" | "ahead">,
): BatchLookup {
  const plans = batchPlans(dataset.length, options);
  const maker = makerFor(dataset, { cacheBytes: 0, ...options });
  let next = 0;
  return {
    at(k) {
      for (; next < k; next++) plans();
      next += 1;
      return maker.make(plans());
    },
    close: () => maker.close(),
  };
}

/** What makes batches from plans: the dataset's workers, which share the cache's bytes, or this thread. */
function makerFor(dataset: InputDataset, loader: TrainLoaderOptions): Maker<readonly SamplePlan[], Batch> {
  const { transforms, normalization, labels, ignoreLabel, cacheBytes = 512 * 2 ** 20 } = loader;
  const options = { transforms, normalization, labels, ignoreLabel };
  return dataset.workers
    ? dataset.workers.batches({ ...options, cacheBytes: Math.floor(cacheBytes / dataset.workers.count) })
    : inTurn(batchMaker(dataset, { ...options, cacheBytes }));
}

/**
 * A maker that works on one request at a time, in order, so that the batch needed next is not held up by
 * later ones.
 */
function inTurn<Request, Result>(maker: Maker<Request, Result>): Maker<Request, Result> {
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;
  return {
    make(request) {
      const made = last.then(() => {
        if (closed) throw new Error("the loader was closed");
        return maker.make(request);
      });
      last = made.catch(() => {});
      return made;
    },
    close() {
      closed = true;
      maker.close();
    },
  };
}

/**
 * An endless list of sample plans, a batch a call. This is the only place where training decides on images at
 * random.
 */
function batchPlans(length: number, options: TrainLoaderOptions): () => SamplePlan[] {
  const { transforms, batch, draw, share = { rank: 0, size: 1 } } = options;
  const own = batch / share.size;
  const random = Random.stream(options.seed, `loader/${options.stream}`);
  // Streams of their own: the transforms' numbers do not depend on how many a draw takes.
  const drawn = Random.stream(options.seed, `loader/${options.stream}/draw`);
  const preferred = Random.stream(options.seed, `loader/${options.stream}/prefer`);
  const again = Random.stream(options.seed, `loader/${options.stream}/again`);
  let order = new Int32Array(0);
  let used = 0;
  const nextInOrder = () => {
    if (used === order.length) {
      order = Int32Array.from(random.permutation(length));
      used = 0;
    }
    return order[used++]!;
  };
  const plan = (): SamplePlan => {
    const { index, holds } = draw?.(drawn) ?? { index: nextInOrder() };
    const range = transforms.shortSide;
    return {
      index,
      ...(range ? { shortSide: random.integer(range[0], range[1]) } : {}),
      place: [random.next(), random.next()],
      flip: transforms.flip && random.next() < 0.5,
      prefer: { roll: preferred.next(), class: preferred.next(), pixel: preferred.next() },
      ...(holds || transforms.criteria ? { again: again.integer(0, 2 ** 31 - 1) } : {}),
      ...(holds ? { holds } : {}),
    };
  };
  return () => Array.from({ length: batch }, plan).slice(share.rank * own, (share.rank + 1) * own);
}
