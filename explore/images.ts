/**
 * The images that are explored: prepared as training prepares them, but whole. Crops and mirrors are random,
 * and a person wants to see the same thing twice. Labels are optional everywhere: the target may have none,
 * or have ones of other classes, which would only mislead.
 */
import { DataError } from "../core/errors.ts";
import { sameClasses } from "../core/label_space.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Dataset, DatasetPlan, FileReader, Sample } from "../core/plugin.ts";
import { type NetworkInput, networkInputs } from "../datasets/evaluation.ts";
import { resizeSample, shortSideSize } from "../datasets/transforms/sample.ts";
import type { Size } from "../datasets/transforms/resize.ts";
import type { ImageSet, SetInfo } from "./types.ts";

/** The most pixels of an image, as 724 x 362: comparing all pixels with all others takes the square of it. */
const LARGEST_IMAGE = 2 ** 18;

/** An image at the explored size, and the size of its file. */
export interface ExploredImage extends Sample {
  readonly original: Size;
}

/**
 * The size at which an image is explored: that of training, or the middle of a random range, or as read;
 * where that has more than {@linkcode LARGEST_IMAGE} pixels, it is shrunk to as many, aspect kept.
 */
export function exploredSize(
  image: Size,
  { shortSide, size }: RunPlan["input"]["training"],
  largest = LARGEST_IMAGE,
): Size {
  const { width, height } = size
    ? { height: size[0], width: size[1] }
    : shortSide
    ? shortSideSize(image, Math.round((shortSide[0] + shortSide[1]) / 2))
    : image;
  const factor = Math.min(1, Math.sqrt(largest / (width * height)));
  return {
    width: Math.max(1, Math.floor(width * factor)),
    height: Math.max(1, Math.floor(height * factor)),
  };
}

/** The run's datasets, opened when they are asked for. */
export class Images {
  readonly #plan: RunPlan;
  readonly #files: FileReader;
  readonly #open = new Map<ImageSet, Dataset>();

  constructor(plan: RunPlan, files: FileReader) {
    this.#plan = plan;
    this.#files = files;
  }

  /** What can be chosen; a set whose data is gone says so. */
  async sets(): Promise<SetInfo[]> {
    const infos: SetInfo[] = [];
    for (const set of ["source", "target", "val"] as const) {
      if (this.#planOf(set) === undefined) continue;
      try {
        infos.push({ set, images: (await this.#dataset(set)).length, problem: null });
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        infos.push({ set, images: 0, problem: error.message });
      }
    }
    return infos;
  }

  /**
   * An image with its labels, where they are there and mean what the source's do. @throws DataError when
   * there is no such image, or it cannot be read
   */
  async read(set: ImageSet, index: number): Promise<ExploredImage> {
    const dataset = await this.#dataset(set);
    if (index >= dataset.length) {
      throw new DataError(set, `there is no image ${index}: it has ${dataset.length}, counted from 0`);
    }
    const sample = await readSample(dataset, index, set === "source" || this.#comparable(set));
    const { training, streams } = this.#plan.input;
    const size = exploredSize(sample, streams?.[set === "val" ? "target" : set] ?? training);
    return { ...resizeSample(sample, size), original: { width: sample.width, height: sample.height } };
  }

  /** An explored image as the network reads it, normalised. */
  input(image: ExploredImage): NetworkInput {
    const { normalization } = this.#plan.input;
    return networkInputs(image, { evaluation: {}, normalization })[0]!;
  }

  #planOf(set: ImageSet): DatasetPlan | undefined {
    const { source, target, splits } = this.#plan.data;
    return { source, target, val: splits.val }[set];
  }

  /** Whether the set's ids mean what the source's do. */
  #comparable(set: ImageSet): boolean {
    const plan = this.#planOf(set);
    return plan !== undefined && sameClasses(plan.labelSpace, this.#plan.labelSpace);
  }

  /** @throws DataError */
  async #dataset(set: ImageSet): Promise<Dataset> {
    const known = this.#open.get(set);
    if (known) return known;
    const plan = this.#planOf(set);
    if (plan === undefined) throw new DataError(set, "the recipe has no such images");
    const { data: { root }, seed } = this.#plan;
    const setup = { root, seed, files: this.#files };
    const opened = await (set === "source" ? plan.open(setup) : openUnlabelled(plan, setup));
    this.#open.set(set, opened);
    return opened;
  }
}

/** The target is trained on without labels, so they may be missing. */
async function openUnlabelled(
  plan: DatasetPlan,
  setup: Parameters<DatasetPlan["open"]>[0],
): Promise<Dataset> {
  try {
    return await plan.open(setup);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return await plan.open({ ...setup, labels: false });
  }
}

/** An image, with its labels if they are wanted and can be read. */
async function readSample(dataset: Dataset, index: number, labels: boolean): Promise<Sample> {
  if (!labels) return await dataset.read(index, { labels });
  try {
    return await dataset.read(index, { labels });
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    // The image may be whole and only its labels not.
    return await dataset.read(index, { labels: false });
  }
}
