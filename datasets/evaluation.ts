/** The images of a split, prepared for the network one after the other. */
import type { EvaluationPlan, Normalization } from "../core/plan.ts";
import type { Dataset, Sample } from "../core/plugin.ts";
import type { Maker } from "./maker.ts";
import { normalizeInto } from "./transforms/normalize.ts";
import { resizeSample, shortSideSize } from "./transforms/sample.ts";
import type { InputDataset } from "./workers/pool.ts";

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

/** How the images of a split are prepared. */
export interface EvaluationOptions {
  readonly evaluation: Pick<EvaluationPlan, "size" | "labelSize">;
  readonly normalization: Normalization;
}

/**
 * The images of a split in order, at most `evaluation.limit`, each resized as `evaluation.size` says; labels in
 * the file's size or, with `labelSize: "input"`, resized to the input. While the caller works on one, the following
 * is read, or as many as the dataset has workers. An empty dataset yields nothing.
 * @throws DataError when a file cannot be used
 */
export async function* evaluationImages(
  dataset: InputDataset,
  options: { readonly evaluation: EvaluationPlan; readonly normalization: Normalization },
): AsyncGenerator<EvaluationImage, void, void> {
  const { evaluation: { size, labelSize, limit = Infinity }, normalization } = options;
  const chosen = { evaluation: { ...(size === undefined ? {} : { size }), labelSize }, normalization };
  const maker = dataset.workers?.evaluation(chosen) ?? evaluationMaker(dataset, chosen);
  const count = Math.min(dataset.length, limit);
  const ready: Promise<EvaluationImage>[] = [];
  let begun = 0;
  const begin = () => {
    if (begun === count) return;
    const image = maker.make(begun++);
    // A failure is reported when its turn comes; until then it is not unhandled.
    image.catch(() => {});
    ready.push(image);
  };
  try {
    for (let ahead = dataset.workers?.count ?? 1; ahead > 0; ahead--) begin();
    for (let image = ready.shift(); image !== undefined; image = ready.shift()) {
      const prepared = await image;
      begin();
      yield prepared;
    }
  } finally {
    maker.close();
  }
}

/** Makes the images of a split by their index. @throws DataError from `make` when a file cannot be used */
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

function evaluationImage(
  sample: Sample,
  { evaluation: { size, labelSize }, normalization }: EvaluationOptions,
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
