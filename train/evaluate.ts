/** How well a network labels a split: one image at a time. */
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

/** What is evaluated on what. */
export interface EvaluationInput {
  readonly ensemble: Ensemble;
  readonly dataset: InputDataset;
  readonly split: Split;
  /** Instead of the plan's; {@linkcode onePass} for instance. */
  readonly evaluation?: EvaluationPlan;
  readonly signal: AbortSignal;
  /** The processes among which the images are divided, and which end together; absent: there are none. */
  readonly team?: Team;
  /** Called after each image with the number of images done. */
  readonly onImage?: ((done: number) => void) | undefined;
  /** Called with the class probabilities of every image, at the network's resolution. */
  readonly onProbabilities?: ((grid: Grid) => void) | undefined;
  /** So many images, the first ones, are shown to the first process. */
  readonly pictures?: {
    readonly count: number;
    /** Called with the predicted labels of an image; `index` counts from 0. */
    readonly onPrediction: (image: ValidatedImage, index: number) => void;
  } | undefined;
}

/**
 * The same without aggregation, mirror and scales: what validation during training can afford. Windows stay, because
 * without them an image may not fit into memory.
 */
export function onePass(
  { aggregation: _, flip: __, scales: ___, ensemble: ____, ...rest }: EvaluationPlan,
): EvaluationPlan {
  return rest;
}

/** What is done with the last weights of a phase: a baseline's predict alone, since else mixtures would be compared. */
export function finalEvaluation({ evaluation }: RunPlan, phase: PhasePlan | undefined): EvaluationPlan {
  const { ensemble: _, ...alone } = evaluation;
  return phase?.baseline ? alone : evaluation;
}

/**
 * Opens the dataset of a split. @throws UserError when the recipe has none or its labels contradict what the files say,
 * DataError when it cannot be read
 */
export async function openSplit(plan: RunPlan, split: Split, input: Input): Promise<InputDataset> {
  const dataset = plan.data.splits[split];
  if (dataset === undefined) {
    const known = Object.keys(plan.data.splits).join(", ");
    throw new UserError(`the recipe has no ${split} split; it has ${known === "" ? "none" : known}`);
  }
  const opened = await input.open(dataset);
  await input.requireDecided(dataset, opened, `data.${split === "train" ? "source" : split}`);
  return opened;
}

/** What is to be said of an evaluation that compared nothing; undefined of all others. */
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
 * bilinearly to the labels, then the largest wins. Nothing of an image is kept. Several processes take turns
 * at the images; what they count is added up, so all get the result that one alone would have.
 * @throws DataError when an image has no labels, AbortError when the run is to stop
 */
export async function evaluateSegmenter(plan: RunPlan, input: EvaluationInput): Promise<Evaluation> {
  const { classes, ignore, subsets } = plan.labelSpace;
  const confusion = emptyConfusion(classes.length);
  const sizes = new Set<string>();
  const { evaluation = plan.evaluation, ensemble, dataset, pictures } = input;
  const { team = new Team(solo, input.signal) } = input, { world } = team;
  const options = { evaluation, normalization: plan.input.normalization };
  const images = Math.min(dataset.length, evaluation.limit ?? Infinity);
  const own = evaluationImages(dataset, options, world);
  // In every round each process has one image.
  for (let first = 0; first < images; first += world.size) {
    if (team.stops()) team.signal.throwIfAborted();
    const grids: Grid[] = [];
    const seen = await team.each(async () => {
      const { value: image } = await own.next();
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
    // Kernels run synchronously; signals and timers get their turn here.
    await setImmediate();
  }
  await own.return();
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

/** The labels of an image. @param grids takes the probabilities of each of its inputs */
async function predicted(
  { id, inputs, labels, labelHeight, labelWidth }: EvaluationImage,
  { ensemble, evaluation, grids }: {
    readonly ensemble: Ensemble;
    readonly evaluation: EvaluationPlan;
    readonly grids: Grid[];
  },
): Promise<Uint8Array> {
  if (labels === undefined) throw new DataError(id, "has no labels to evaluate against");
  const found = await predictLabels(ensemble, {
    inputs,
    inference: evaluation,
    wanted: { height: labelHeight, width: labelWidth, confidence: false },
    onProbabilities: (grid) => grids.push(grid),
  });
  return found.labels;
}

/** `aggregation 0.5, flip, scales 0.5 1, window 769x769 at stride 513x513`, widths first; "" for one pass. */
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

function subsetMean(
  { name, ids }: ClassSubset,
  classes: readonly string[],
  iou: readonly (number | null)[],
): SubsetMean {
  return { name, classes: ids.map((id) => classes[id]!), miou: meanIou(ids.map((id) => iou[id]!)) };
}
