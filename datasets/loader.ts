/** The order of training: which images, and every random decision about them, in batches made ahead of their step. */
import { UserError } from "../core/errors.ts";
import { Random } from "../core/random.ts";
import type { Place } from "../core/world.ts";
import { type Batch, batchMaker, type BatchOptions, type SamplePlan } from "./batch.ts";
import type { Maker } from "./maker.ts";
import type { ImageDraw } from "./rare_classes.ts";
import type { InputDataset } from "./workers/pool.ts";

export type { Batch } from "./batch.ts";

/** What a training loader does. */
export interface TrainLoaderOptions extends Omit<BatchOptions, "cacheBytes"> {
  /** Images per batch, of all processes together. */
  readonly batch: number;
  /**
   * Which part of every batch is read: of `size` equal parts the `rank`-th. All of it is decided on, so the parts of all processes
   * are the batch of one. Absent: the whole.
   */
  readonly share?: Place | undefined;
  readonly seed: number;
  /** Names the loader's random numbers: two loaders of a run with different names draw independently. */
  readonly stream: string;
  /** Chooses every image; absent: each image once per epoch, in a random order. */
  readonly draw?: ImageDraw | undefined;
  /** Batches at the beginning that are decided on but neither read nor returned. Default 0. */
  readonly skip?: number;
  /** Batches that are prepared before they are asked for. Default 2. */
  readonly ahead?: number;
  /** Decoded samples are kept up to this many bytes, in equal shares when several workers read. Default 512 MiB. */
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
 * Reads `dataset` forever in seeded random orders, every image once per epoch, or as `draw` chooses; a batch may reach
 * into the next epoch. Short side, crop and flip are drawn when a batch is planned, here, so the sequence depends on the seed
 * alone: not on when files arrive, nor on how many workers read them. The next `ahead` batches are prepared in the
 * dataset's workers or, where it has none, one after the other between the caller's own work.
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
 * Of the same options the same batches as {@linkcode trainLoader}'s, but only those that are asked for are read, when they
 * are: the labelled twin of a loader without labels.
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

function makerFor(dataset: InputDataset, loader: TrainLoaderOptions): Maker<readonly SamplePlan[], Batch> {
  const { transforms, normalization, labels, ignoreLabel, cacheBytes = 512 * 2 ** 20 } = loader;
  const options = { transforms, normalization, labels, ignoreLabel };
  return dataset.workers
    ? dataset.workers.batches({ ...options, cacheBytes: Math.floor(cacheBytes / dataset.workers.count) })
    : inTurn(batchMaker(dataset, { ...options, cacheBytes }));
}

/** One request after the other: a batch that is needed sooner is not held up by a later one. */
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
