/**
 * How well a network labels a split.
 *
 * Images are predicted one at a time and compared with their labels pixel by pixel. All that is kept is one
 * matrix of counts, labelled class by predicted class (metrics/confusion.ts); IoU of a class, mIoU and pixel
 * accuracy follow from it at the end. So the mIoU is that of all pixels of the split together, not a mean
 * over images, and memory does not grow with the number of images.
 *
 * Several processes take turns: in each round every process has one image, and at the end the matrices are
 * added. Counts are whole numbers, so the sum is exact and every process gets the result of a single one.
 */
import { setImmediate } from "node:timers/promises";
import { DataError, UserError } from "../core/errors.ts";
import type { Evaluation, SubsetMean } from "../core/events.ts";
import type { ClassSubset } from "../core/label_space.ts";
import type { EvaluationPlan, PhasePlan, RunPlan, Split } from "../core/plan.ts";
import { countOf } from "../core/words.ts";
import { exchangeJson, solo } from "../core/world.ts";
import { type EvaluationImage, evaluationImages } from "../datasets/evaluation.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import {
  classIou,
  confusionRows,
  countPixels,
  emptyConfusion,
  meanIou,
  pixelAccuracy,
} from "../metrics/confusion.ts";
import type { Grid } from "../ops/resize_bilinear.ts";
import type { ValidatedImage } from "../report/logger.ts";
import { type Ensemble, predictLabels } from "./predict.ts";
import { allGrids, showRound } from "./rounds.ts";
import { Team } from "./together.ts";

/** The networks and the images of an evaluation, and its listeners. */
export interface EvaluationInput {
  readonly ensemble: Ensemble;
  readonly dataset: InputDataset;
  readonly split: Split;
  /** How images are predicted, such as {@linkcode onePass}; absent: as the plan's `evaluation` says. */
  readonly evaluation?: EvaluationPlan;
  readonly signal: AbortSignal;
  /** The processes that share the images and stop together; absent for a run of one process. */
  readonly team?: Team;
  /** Called after each round with the number of images done. */
  readonly onImage?: ((done: number) => void) | undefined;
  /** Called in all processes with the class probabilities of every image, at the network's resolution. */
  readonly onProbabilities?: ((grid: Grid) => void) | undefined;
  /** Shows the first images of the split, in the first process only. */
  readonly pictures?: {
    /** Number of images that are shown. */
    readonly count: number;
    /** Called with an image and its predicted labels; `index` counts from 0. */
    readonly onPrediction: (image: ValidatedImage, index: number) => void;
  } | undefined;
}

/**
 * The evaluation without aggregation, mirror, scales and ensemble: what validation during training can
 * afford. Windows stay, because without them an image may not fit into memory.
 */
export function onePass(
  { aggregation: _, flip: __, scales: ___, ensemble: ____, ...rest }: EvaluationPlan,
): EvaluationPlan {
  return rest;
}

/**
 * How the last weights of a phase are evaluated. A baseline is evaluated without the recipe's ensemble: a
 * comparison with it must not be one of mixtures that share members.
 */
export function finalEvaluation({ evaluation }: RunPlan, phase: PhasePlan | undefined): EvaluationPlan {
  const { ensemble: _, ...alone } = evaluation;
  return phase?.baseline ? alone : evaluation;
}

/**
 * Opens the dataset of a split.
 * @throws UserError when the recipe has no such split, or its labels contradict what the files say; DataError
 * when it cannot be read
 */
export async function openSplit(plan: RunPlan, split: Split, input: Input): Promise<InputDataset> {
  const dataset = plan.data.splits[split];
  if (dataset === undefined) {
    const known = Object.keys(plan.data.splits)
      .map((name) => name === "train" ? "train (the labelled source)" : name).join(", ");
    throw new UserError(`the recipe has no ${split} split; it has ${known === "" ? "none" : known}`);
  }
  const opened = await input.open(dataset);
  await input.requireDecided(dataset, opened, `data.${split === "train" ? "source" : split}`);
  return opened;
}

/** A sentence about an evaluation in which no pixel was labelled; undefined for all others. */
export function unlabelledNote(
  { split, images, pixelAccuracy }: Pick<Evaluation, "split" | "images" | "pixelAccuracy">,
): string | undefined {
  if (pixelAccuracy !== null) return undefined;
  return `no pixel of ${split} is labelled: ${
    countOf(images, "image")
  } with the ignore label alone, so there is no mean`;
}

/**
 * Predicts every image of a dataset in inference mode and counts its pixels. Probabilities are resized
 * bilinearly to the size of the labels; then the largest wins, the first of equal ones. Without images, or
 * where no pixel is labelled, `miou` and `pixelAccuracy` are null.
 * @throws DataError when an image cannot be read or has no labels, the signal's reason once it fires
 */
export async function evaluateSegmenter(plan: RunPlan, input: EvaluationInput): Promise<Evaluation> {
  const { classes, ignore, subsets } = plan.labelSpace;
  const confusion = emptyConfusion(classes.length);
  const sizes = new Set<string>();
  const { evaluation = plan.evaluation, ensemble, dataset, pictures } = input;
  const { team = new Team(solo, input.signal) } = input, { world } = team;
  const options = { evaluation, normalization: plan.input.normalization };
  const images = Math.min(dataset.length, evaluation.limit ?? Infinity);
  // Of the images of the split those of this process.
  const share = evaluationImages(dataset, options, world);
  // In every round each process has one image, in the last round at most one.
  for (let first = 0; first < images; first += world.size) {
    if (team.stops()) team.signal.throwIfAborted();
    const grids: Grid[] = [];
    const seen = await team.each(async () => {
      const { value: image } = await share.next();
      if (image === undefined) return undefined;
      const predictions = await predicted(image, { ensemble, evaluation, grids });
      countPixels(confusion, { labels: image.labels!, predictions, ignore });
      sizes.add(`${image.labelWidth}x${image.labelHeight}`);
      return { input: image.inputs[0]!, ...image, labels: image.labels!, predictions };
    });
    const { onProbabilities } = input;
    if (onProbabilities) allGrids(world, grids).forEach(onProbabilities);
    if (pictures && first < pictures.count) {
      showRound(
        world,
        seen,
        (image, k) => first + k < pictures.count && pictures.onPrediction(image, first + k),
      );
    }
    input.onImage?.(Math.min(images, first + world.size));
    // Kernels block the event loop; signals and timers are served here.
    await setImmediate();
  }
  await share.return();
  const whole = { classes: classes.length, counts: world.sums(confusion.counts) };
  const allSizes = [...new Set(exchangeJson(world, [...sizes]).flat())];
  const iou = classIou(whole);
  const inference = inferenceText(evaluation, ensemble);
  return {
    split: input.split,
    images,
    labelSize: `${evaluation.labelSize} ${allSizes.length === 1 ? allSizes[0] : "varied"}`,
    ...(inference === "" ? {} : { inference }),
    classes: [...classes],
    iou,
    miou: meanIou(iou),
    ...(subsets ? { subsets: subsets.map((subset) => subsetMean(subset, classes, iou)) } : {}),
    pixelAccuracy: pixelAccuracy(whole),
    confusion: confusionRows(whole),
  };
}

/** The predicted labels of an image, at the size of its labels. @param grids gets the probabilities */
async function predicted(
  { id, inputs, labels, labelHeight, labelWidth }: EvaluationImage,
  { ensemble, evaluation, grids }: {
    readonly ensemble: Ensemble;
    readonly evaluation: EvaluationPlan;
    readonly grids: Grid[];
  },
): Promise<Uint8Array> {
  if (labels === undefined) throw new DataError(id, "has no labels to evaluate against");
  const prediction = await predictLabels(ensemble, {
    inputs,
    inference: evaluation,
    wanted: { height: labelHeight, width: labelWidth, confidence: false },
    onProbabilities: (grid) => grids.push(grid),
  });
  return prediction.labels;
}

/**
 * How images were predicted, such as `aggregation 0.5, flip, scales 0.5 1, window 769x769 at stride 513x513`,
 * widths first; "" where each image took one pass of the student.
 */
function inferenceText(
  { aggregation, flip, scales, window, heads, average }: EvaluationPlan,
  { network, networks }: Ensemble,
): string {
  const sides = ([height, width]: readonly [number, number]) => `${width}x${height}`;
  return [
    ...(network === undefined ? [] : [`network ${network}`]),
    ...(heads ? [`heads ${heads.map(({ tap, weight }) => `${weight} ${tap}`).join(" + ")}`] : []),
    ...(networks.length > 1 ? [`ensemble of ${networks.length}`] : []),
    ...(average ? [`average of ${average}`] : []),
    ...(aggregation ? [`aggregation ${aggregation.alpha}`] : []),
    ...(flip ? ["flip"] : []),
    ...(scales ? [`scales ${scales.join(" ")}`] : []),
    ...(window ? [`window ${sides(window.size)} at stride ${sides(window.stride)}`] : []),
  ].join(", ");
}

/** The mIoU of some of the classes. */
function subsetMean(
  { name, ids }: ClassSubset,
  classes: readonly string[],
  iou: readonly (number | null)[],
): SubsetMean {
  return { name, classes: ids.map((id) => classes[id]!), miou: meanIou(ids.map((id) => iou[id]!)) };
}
