/**
 * The images of a split, prepared for the network one after the other: no crop, no mirror, nothing random.
 *
 * Two sizes are involved. The network sees the image at `evaluation.size` times each of the `scales`. Pixels
 * are compared at the labels' size: the file's (`labelSize: original`, predictions are resized to it) or the
 * input's (`labelSize: input`, labels are).
 */
import type { EvaluationPlan, Normalization } from "../core/plan.ts";
import type { Dataset, Sample } from "../core/plugin.ts";
import { madeAhead } from "./ahead.ts";
import type { Maker } from "./maker.ts";
import { normalizeInto } from "./transforms/normalize.ts";
import { resizeBilinear, resizeNearest, type Size } from "./transforms/resize.ts";
import { shortSideSize } from "./transforms/sample.ts";
import type { InputDataset } from "./workers/pool.ts";

/** An image as the network reads it, at one scale. */
export interface NetworkInput {
  /** float32, height x width x 3, normalised */
  readonly images: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** One image of a split, ready for the network, with the labels to compare with. */
export interface EvaluationImage {
  readonly id: string;
  /** One for each of `evaluation.scales`, in their order. */
  readonly inputs: readonly NetworkInput[];
  /** Train ids, labelHeight x labelWidth */
  readonly labels?: Uint8Array;
  readonly labelHeight: number;
  readonly labelWidth: number;
}

/** How the images of a split are prepared; plain data, sent to workers. */
export interface EvaluationOptions {
  readonly evaluation: Pick<EvaluationPlan, "size" | "labelSize" | "scales">;
  readonly normalization: Normalization;
}

/** Every so many-th image only: of `size` processes each has those whose index leaves its rank. */
export interface Share {
  readonly rank: number;
  readonly size: number;
}

/**
 * The images of a split in order, at most `evaluation.limit`, each resized as `evaluation.size` and `scales`
 * say; labels in the file's size or, with `labelSize: "input"`, resized to `size`. While the caller works on
 * one, the following is read, or as many as the dataset has workers. An empty dataset yields nothing.
 * @throws DataError when a file cannot be used
 */
export async function* evaluationImages(
  dataset: InputDataset,
  options: { readonly evaluation: EvaluationPlan; readonly normalization: Normalization },
  { rank, size: processes }: Share = { rank: 0, size: 1 },
): AsyncGenerator<EvaluationImage, void, void> {
  const { evaluation: { size, labelSize, scales, limit = Infinity }, normalization } = options;
  const chosen = {
    evaluation: { ...(size === undefined ? {} : { size }), ...(scales ? { scales } : {}), labelSize },
    normalization,
  };
  const maker = dataset.workers?.evaluation(chosen) ?? evaluationMaker(dataset, chosen);
  const own: typeof maker = {
    make: (k) => maker.make(rank + k * processes),
    close: () => maker.close(),
  };
  const count = Math.max(0, Math.ceil((Math.min(dataset.length, limit) - rank) / processes));
  yield* madeAhead(own, { count, ahead: dataset.workers?.count ?? 1 });
}

/**
 * Makes the images of a split by their index; labels are asked for.
 * @throws DataError from `make` when a file cannot be used
 */
export function evaluationMaker(
  dataset: Dataset,
  options: EvaluationOptions,
): Maker<number, EvaluationImage> {
  return {
    async make(index) {
      return evaluationImage(await dataset.read(index, { labels: true }), options);
    },
    close() {},
  };
}

function evaluationImage(sample: Sample, options: EvaluationOptions): EvaluationImage {
  const { id, labels } = sample;
  const size = options.evaluation.labelSize === "input" ? inputSize(sample, options) : sample;
  const measured = labels && resizeNearest({ ...sample, channels: 1, data: labels }, size).data;
  return {
    id,
    inputs: networkInputs(sample, options),
    ...(measured ? { labels: measured } : {}),
    labelHeight: size.height,
    labelWidth: size.width,
  };
}

/**
 * An RGB image as the network reads it: one input for each scale, each resized from the image itself rather
 * than from the input at scale 1. Sides are rounded and at least 1.
 */
export function networkInputs(
  image: Pick<Sample, "width" | "height" | "image">,
  options: Pick<EvaluationOptions, "normalization"> & {
    readonly evaluation: Pick<EvaluationPlan, "size" | "scales">;
  },
): NetworkInput[] {
  const base = inputSize(image, options);
  return (options.evaluation.scales ?? [1]).map((scale) => {
    const wanted = { width: scaled(base.width, scale), height: scaled(base.height, scale) };
    const { data, width, height } = resizeBilinear({ ...image, channels: 3, data: image.image }, wanted);
    const images = new Float32Array(data.length);
    normalizeInto(data, options.normalization, { out: images, offset: 0 });
    return { images, height, width };
  });
}

/**
 * The size of an input at scale 1: a number is the short side, a pair is [height, width] whatever the aspect,
 * absent is as read.
 */
function inputSize(
  image: Size,
  { evaluation: { size } }: { evaluation: Pick<EvaluationPlan, "size"> },
): Size {
  if (size === undefined) return { width: image.width, height: image.height };
  return typeof size === "number" ? shortSideSize(image, size) : { width: size[1], height: size[0] };
}

function scaled(pixels: number, scale: number): number {
  return Math.max(1, Math.round(pixels * scale));
}
