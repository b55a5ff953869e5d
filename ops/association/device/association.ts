/**
 * The association where nothing is read within a step. Think of the program of `streaming/` without its
 * conditions: because values are not read, it is not known which rows have a weight. So the rows of both
 * directions are summarised, and rows of weight 0 get a gradient of zeros.
 *
 * The loss of a batch is a weighted sum over rows of D in both directions,
 *
 *   loss = -1 / |I| (sum_i a_i s_i + sum_j n_j s_j),   s = z at the row's peak - log sum exp z
 *
 * with a_i = 1 for an associated source pixel (|I| of them), n_j the number of associated source pixels that
 * chose the target pixel j, and 0 for all others. Both a and n are tensors that followCycles computes.
 *
 * Kept between the passes: the inputs, -1 / |I|, and for each image two summaries ([P, 5] and [Q, 5]) and two
 * columns of weights ([P, 1] and [Q, 1]).
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo } from "../../../core/world.ts";
import { addAll } from "../../add_all.ts";
import type { AssociationOptions, AssociationResult } from "../options.ts";
import { type Direction, direction, distinctInputs, imagesOf, joinImages } from "../directions.ts";
import { kernels } from "../../kernels.ts";
import { sharedCount } from "../../shared.ts";
import { overBlocks, sliceRows } from "./blocks.ts";
import { type DeviceCycles, followCycles, summaryColumn } from "./cycles.ts";
import type { DeviceRowKernels, RowSummary } from "./row_kernels.ts";
import {
  type DeviceRows,
  deviceRows,
  type FactorGradients,
  imageGradients,
  prepareImages,
} from "./similarity.ts";

type Options = AssociationOptions & { readonly kernels: DeviceRowKernels };

/** The rows of one direction of one image, with their weights in the loss. */
interface WeightedRows {
  readonly summary: RowSummary;
  /** float32 [P, 1] */
  readonly weights: tf.Tensor2D;
}

/**
 * See {@linkcode associationLoss}. The operator gives loss and associated share as one tensor [2], because a
 * differentiable operator of tfjs has one result; only the gradient of the first is used.
 */
export function deviceAssociation(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  options: Options,
): AssociationResult {
  const { similarity, kernels, world = solo } = options;
  const there = direction(similarity, source, target), back = direction(similarity, target, source);
  const inputs = distinctInputs([there, back]);
  const [count, pixels] = labels.shape;
  const prepare = (given: readonly tf.Tensor3D[], n: number) =>
    prepareImages(similarity, inputs, imagesOf(given, n));
  const rows = (way: Direction, prepared: ReturnType<typeof prepare>) =>
    deviceRows(similarity, way, { ...prepared, blockRows: kernels.blockRows });

  const op = tf.customGrad((...args) => {
    const save = args[inputs.length] as unknown as tf.GradSaveFunc;
    const scored = Array.from({ length: count }, (_, n) =>
      tf.tidy(() => {
        const prepared = prepare(inputs, n);
        const ids = tf.reshape(tf.slice(labels, [n, 0], [1, pixels]), [pixels]) as tf.Tensor1D;
        return { ...scoreRows({ st: rows(there, prepared), ts: rows(back, prepared) }, ids, options) };
      }));
    const associated = addAll(scored.map(({ starts }) => tf.sum(starts)));
    const scale = tf.neg(tf.reciprocal(sharedCount(associated, world)));
    const loss = tf.mul(scale, addAll(scored.map(({ total }) => total)));
    const ofImages = scored.flatMap((image) => [image.there, image.starts, image.home, image.chosen]);
    save([...inputs, scale, ...ofImages]);
    return {
      value: tf.stack([loss, tf.div(associated, count * pixels)]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const given = saved.slice(0, inputs.length) as tf.Tensor3D[];
        const [scaled, ...summaries] = saved.slice(inputs.length) as [tf.Tensor, ...tf.Tensor2D[]];
        const factor = tf.mul(tf.slice(dy as tf.Tensor1D, [0], [1]), scaled);
        const byImage = Array.from({ length: count }, (_, n) =>
          tf.tidy(() => {
            const [ofSource, starts, ofTarget, chosen] = summaries.slice(4 * n, 4 * n + 4) as tf.Tensor2D[];
            const prepared = prepare(given, n);
            const gradients: FactorGradients = inputs.map(() => undefined);
            const task = { ...options, factor, gradients };
            pullRows(rows(there, prepared), { summary: ofSource!, weights: starts! }, task);
            pullRows(rows(back, prepared), { summary: ofTarget!, weights: chosen! }, task);
            return imageGradients(similarity, prepared, gradients);
          }));
        return joinImages(given, byImage);
      },
    };
  });
  const both = op(...inputs) as tf.Tensor1D;
  const scalar = (k: number) => tf.reshape(tf.slice(both, [k], [1]), []) as tf.Scalar;
  return { loss: scalar(0), associated: scalar(1) };
}

/**
 * The cycles of every pair of images, without a loss and outside of any gradient. The backend must have
 * `deviceRows`.
 * @param source float32 [N, P, C] @param target float32 [N, Q, C]
 * @param labels int32 [N, P], of the source
 * @returns one for each of the N pairs
 */
export function deviceCycles(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  { similarity, ignoreLabel }: Pick<AssociationOptions, "similarity" | "ignoreLabel">,
): DeviceCycles[] {
  const deviceKernels = kernels().deviceRows!;
  const there = direction(similarity, source, target), back = direction(similarity, target, source);
  const inputs = distinctInputs([there, back]);
  const [count, pixels] = labels.shape;
  return Array.from({ length: count }, (_, n) => {
    const prepared = prepareImages(similarity, inputs, imagesOf(inputs, n));
    // Contrast normalisation moves and stretches a row, so its maximum stays where it is.
    const summarise = (way: Direction) =>
      summarised(
        deviceRows(similarity, way, { ...prepared, blockRows: deviceKernels.blockRows }),
        deviceKernels,
        false,
      );
    const ids = tf.reshape(tf.slice(labels, [n, 0], [1, pixels]), [pixels]) as tf.Tensor1D;
    return followCycles({ there: summarise(there), home: summarise(back) }, ids, ignoreLabel);
  });
}

/** The summaries of all rows of one direction, [rows, 5]. */
function summarised(d: DeviceRows, kernels: DeviceRowKernels, contrast: boolean): RowSummary {
  return overBlocks(d, (block) => ({ rows: [kernels.summarise(d.compare(block), contrast)], sums: [] }))
    .rows[0]!;
}

/** The score of one image, and the rows that it depends on. */
interface Scored {
  /** Sum over the rows of weight * score; NaN where a source pixel cannot be compared with anything. */
  readonly total: tf.Scalar;
  /** The summary of the source pixels' rows, [P, 5]. */
  readonly there: RowSummary;
  /** float32 [P, 1]: 1 where a source pixel is associated. */
  readonly starts: tf.Tensor2D;
  /** The summary of the target pixels' rows, [Q, 5]. */
  readonly home: RowSummary;
  /** float32 [Q, 1]: how many associated source pixels chose a target pixel. */
  readonly chosen: tf.Tensor2D;
}

/**
 * Follows the cycles of one image and adds up the scores: all rows of both directions are summarised first.
 */
function scoreRows(
  { st, ts }: { readonly st: DeviceRows; readonly ts: DeviceRows },
  labels: tf.Tensor1D,
  options: Options,
): Scored {
  const { objective, contrast, ignoreLabel, kernels } = options;
  const there = summarised(st, kernels, contrast), home = summarised(ts, kernels, contrast);
  const { associated, chosen } = followCycles({ there, home }, labels, ignoreLabel);
  const scores = [
    weightedScores({ summary: there, weights: associated }, objective),
    weightedScores({ summary: home, weights: chosen }, objective),
  ];
  // A source pixel whose peak is NaN (its features are NaN) makes the loss NaN. Otherwise it would count as a
  // pixel without a cycle, and a network that has diverged would show the loss 0.
  const lost = tf.isNaN(summaryColumn(there, "peak"));
  const missing = tf.sum(tf.where(lost, tf.fill(lost.shape, NaN), tf.zeros(lost.shape)));
  return { total: tf.addN([...scores, missing]) as tf.Scalar, there, starts: associated, home, chosen };
}

/**
 * The sum over rows of weight * score: the score is the log softmax at the row's peak, or with the objective
 * `direct` the similarity there.
 */
function weightedScores(
  { summary, weights }: WeightedRows,
  objective: AssociationOptions["objective"],
): tf.Tensor {
  const peak = summaryColumn(summary, "peak");
  const score = objective === "direct" ? peak : tf.sub(
    tf.mul(tf.sub(peak, summaryColumn(summary, "mean")), summaryColumn(summary, "inverse")),
    summaryColumn(summary, "logSum"),
  );
  return tf.sum(timesWeights(score, weights));
}

/** values * weights, but 0 wherever the weight is 0: a plain product would be NaN where the value is NaN. */
function timesWeights(values: tf.Tensor, weights: tf.Tensor2D): tf.Tensor2D {
  return tf.where(tf.greater(weights, 0), tf.mul(values, weights), tf.zerosLike(weights)) as tf.Tensor2D;
}

interface Pull extends Options {
  /** float32 [1]: -1 / |I| times the gradient of the loss. */
  readonly factor: tf.Tensor;
  readonly gradients: FactorGradients;
}

/**
 * Adds the gradient of factor * sum over rows of weight * score to `gradients`. In a row it is lift (1 at the
 * peak - softmax), where `lift` = factor * weight * inverse.
 */
function pullRows(
  d: DeviceRows,
  { summary, weights }: WeightedRows,
  { kernels, objective, factor, gradients }: Pull,
): void {
  const direct = objective === "direct";
  const lift = timesWeights(direct ? factor : tf.mul(factor, summaryColumn(summary, "inverse")), weights);
  const pulled = overBlocks(d, (block) => {
    const rowLift = sliceRows(lift, block), rowSummary = sliceRows(summary, block);
    const g = direct
      ? tf.mul(peakMarks(rowSummary, d.columns), rowLift) as tf.Tensor2D
      : kernels.peakGradient(d.compare(block), rowSummary, rowLift);
    return d.pull(block, g);
  });
  d.collect(pulled, gradients);
}

/** float32 [B, Q]: 1 at the peak of every row. */
function peakMarks(summary: RowSummary, columns: number): tf.Tensor {
  const places = tf.range(0, columns, 1, "float32");
  return tf.cast(tf.equal(summaryColumn(summary, "column"), places), "float32");
}
