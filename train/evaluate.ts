/** How well a network labels a split: one image at a time. */
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../backends/ops/aggregation.ts";
import { resizeBilinear } from "../backends/ops/resize_bilinear.ts";
import { DataError, UserError } from "../core/errors.ts";
import type { Evaluation, SubsetMean } from "../core/events.ts";
import type { ClassSubset } from "../core/label_space.ts";
import type { AggregationPlan, RunPlan, Split } from "../core/plan.ts";
import type { Segmenter, Similarity } from "../core/plugin.ts";
import { evaluationImages } from "../datasets/evaluation.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import {
  classIou,
  confusionRows,
  countPixels,
  emptyConfusion,
  meanIou,
  pixelAccuracy,
} from "../metrics/confusion.ts";

/** What is evaluated on what. */
export interface EvaluationInput {
  readonly segmenter: Segmenter;
  readonly dataset: InputDataset;
  readonly split: Split;
  /** Absent: off, whatever the plan says. */
  readonly aggregation?: AggregationPlan | undefined;
  readonly signal: AbortSignal;
  /** Hears the number of images done after each. */
  readonly onImage?: ((done: number) => void) | undefined;
}

/** Opens the dataset of a split. @throws UserError when the recipe has none, DataError when it cannot be read */
export async function openSplit(plan: RunPlan, split: Split, input: Input): Promise<InputDataset> {
  const dataset = plan.data.splits[split];
  if (dataset === undefined) {
    const known = Object.keys(plan.data.splits).join(", ");
    throw new UserError(`the recipe has no ${split} split; it has ${known === "" ? "none" : known}`);
  }
  return await input.open(dataset);
}

/**
 * Predicts every image of a dataset in inference mode and counts its pixels. Probabilities are resized
 * bilinearly to the labels, then the largest wins.
 * @throws DataError when an image has no labels, AbortError when the signal fires
 */
export async function evaluateSegmenter(plan: RunPlan, input: EvaluationInput): Promise<Evaluation> {
  const { classes, ignore, subsets } = plan.labelSpace;
  const confusion = emptyConfusion(classes.length);
  const sizes = new Set<string>();
  let images = 0;
  const { evaluation, input: { normalization } } = plan;
  for await (const image of evaluationImages(input.dataset, { evaluation, normalization })) {
    input.signal.throwIfAborted();
    const { id, labels, labelHeight, labelWidth } = image;
    if (labels === undefined) throw new DataError(id, "has no labels to evaluate against");
    const winners = tf.tidy(() => {
      const pixels = tf.tensor4d(image.images, [1, image.height, image.width, 3]);
      const probabilities = predict(pixels, input, plan.model.plan.featureTap);
      return tf.argMax(resizeBilinear(probabilities, [labelHeight, labelWidth]), 3);
    });
    const predictions = await winners.data();
    winners.dispose();
    countPixels(confusion, { labels, predictions, ignore });
    sizes.add(`${labelWidth}x${labelHeight}`);
    images += 1;
    input.onImage?.(images);
  }
  const iou = classIou(confusion);
  return {
    split: input.split,
    images,
    labelSize: `${evaluation.labelSize} ${sizes.size === 1 ? [...sizes][0] : "varied"}`,
    classes: [...classes],
    iou,
    miou: meanIou(iou),
    ...(subsets ? { subsets: subsets.map((subset) => subsetMean(subset, classes, iou)) } : {}),
    pixelAccuracy: pixelAccuracy(confusion),
    confusion: confusionRows(confusion),
  };
}

function subsetMean(
  { name, ids }: ClassSubset,
  classes: readonly string[],
  iou: readonly (number | null)[],
): SubsetMean {
  return { name, classes: ids.map((id) => classes[id]!), miou: meanIou(ids.map((id) => iou[id]!)) };
}

/**
 * Class probabilities float32 [1, h, w, K] at the feature tap's resolution. With aggregation (Kang et al. 2020,
 * section 3.4) the features are aggregated before they are classified, and the probabilities after the softmax.
 */
function predict(images: tf.Tensor4D, input: EvaluationInput, featureTap: string): tf.Tensor4D {
  const { segmenter, aggregation } = input;
  const view = segmenter.forward(images, { training: false, domain: "target" });
  if (aggregation === undefined) return tf.softmax(view.logits);
  const { alpha, features, predictions } = aggregation;
  const mixed = aggregateImage(view.taps[featureTap]!, features, alpha);
  return aggregateImage(tf.softmax(segmenter.classify(mixed)), predictions, alpha);
}

function aggregateImage(x: tf.Tensor4D, similarity: Similarity, alpha: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const pixels = tf.reshape(x, [n, height * width, channels]) as tf.Tensor3D;
  const mixed = aggregate(pixels, { similarity, alpha, contrast: similarity.contrastAggregation });
  return tf.reshape(mixed, [n, height, width, channels]);
}
