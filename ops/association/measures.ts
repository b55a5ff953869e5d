/**
 * How much an association finds, and how much of it is right: for diagnostics, never for the loss. The same
 * cycles as in the loss are followed and counted, on the host or on the device as the backend computes them.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { addAll } from "../add_all.ts";
import { kernels } from "../kernels.ts";
import { deviceCycles } from "./device/association.ts";
import type { DeviceCycles } from "./device/cycles.ts";
import { associationCycles } from "./inspection.ts";
import type { LevelPixels } from "./level.ts";
import { cycleOutcome } from "./outcome.ts";

/** The pixels of a level, of N pairs of images. */
export interface MeasuredPixels extends Pick<LevelPixels, "from" | "candidates" | "labels"> {
  /** int32 [N, Q], of the target, for measuring only; absent: correctness is not measured. */
  readonly targetLabels?: tf.Tensor2D | undefined;
}

/** Shares in [0, 1], over all pairs of the batch; NaN where there is no pixel to take a share of. */
export interface AssociationMeasures {
  /** The share of source pixels that are associated. */
  readonly associated: tf.Scalar;
  /** The share of target pixels that some associated source pixel chose. */
  readonly covered: tf.Scalar;
  /**
   * Of the associated source pixels whose target pixel has a label, those with the same label. NaN where
   * there are none; absent without `targetLabels`.
   */
  readonly correct?: tf.Scalar;
}

/** How the pixels are compared. */
export interface MeasuredLevel {
  readonly similarity: Similarity;
  /** The id that counts nowhere, in both domains. */
  readonly ignoreLabel: number;
}

/** Sums over the pairs; float32 scalars. */
interface Counts {
  readonly associated: tf.Scalar;
  readonly covered: tf.Scalar;
  readonly labelled: tf.Scalar;
  readonly correct: tf.Scalar;
}

/** Measures a level. The results belong to the caller's tidy scope. Call it outside of gradients. */
export function associationMeasures(given: MeasuredPixels, level: MeasuredLevel): AssociationMeasures {
  const [count, p] = given.labels.shape, q = given.candidates.shape[1];
  const counts = kernels().deviceRows ? countOnDevice(given, level) : countOnHost(given, level);
  return {
    associated: tf.div(counts.associated, count * p),
    covered: tf.div(counts.covered, count * q),
    ...(given.targetLabels ? { correct: tf.div(counts.correct, counts.labelled) } : {}),
  };
}

/** Counts where values can be read: cycles are followed and compared pixel by pixel. */
function countOnHost(
  { from, candidates, labels, targetLabels }: MeasuredPixels,
  { similarity, ignoreLabel }: MeasuredLevel,
): Counts {
  const [count, p] = labels.shape, q = candidates.shape[1];
  const ids = labels.dataSync() as Int32Array, targetIds = targetLabels?.dataSync() as Int32Array | undefined;
  let [associated, covered, labelled, correct] = [0, 0, 0, 0];
  for (let n = 0; n < count; n++) {
    const { forward, back } = associationCycles([image(from, n), image(candidates, n)], similarity);
    const sourceIds = ids.subarray(n * p, (n + 1) * p);
    const chosen = new Uint8Array(q);
    sourceIds.forEach((label, pixel) => {
      if (cycleOutcome([label, sourceIds[back[pixel]!]!], ignoreLabel) !== "consistent") return;
      const target = forward[pixel]!;
      associated += 1;
      chosen[target] = 1;
      const targetLabel = targetIds?.[n * q + target];
      if (targetLabel === undefined || targetLabel === ignoreLabel) return;
      labelled += 1;
      if (targetLabel === label) correct += 1;
    });
    for (const one of chosen) covered += one;
  }
  return {
    associated: tf.scalar(associated),
    covered: tf.scalar(covered),
    labelled: tf.scalar(labelled),
    correct: tf.scalar(correct),
  };
}

/** Counts where they are not read: by gathers and sums on the device. */
function countOnDevice(
  { from, candidates, labels, targetLabels }: MeasuredPixels,
  { similarity, ignoreLabel }: MeasuredLevel,
): Counts {
  const cycles = deviceCycles([from, candidates], labels, { similarity, ignoreLabel });
  const q = candidates.shape[1];
  const right = cycles.map(({ forward, associated }, n) => {
    if (!targetLabels) return undefined;
    const chosenLabels = tf.gather(row(targetLabels, n), forward);
    const starts = tf.reshape(associated, [-1]);
    const known = tf.mul(starts, tf.cast(tf.notEqual(chosenLabels, ignoreLabel), "float32"));
    const same = tf.mul(known, tf.cast(tf.equal(chosenLabels, row(labels, n)), "float32"));
    return { labelled: tf.sum(known), correct: tf.sum(same) };
  });
  const sum = (of: (cycles: DeviceCycles, n: number) => tf.Tensor | undefined) =>
    addAll(cycles.map((each, n) => of(each, n) ?? tf.scalar(0))) as tf.Scalar;
  return {
    associated: sum(({ associated }) => tf.sum(associated)),
    covered: sum(({ chosen }) => tf.sum(tf.cast(tf.greater(tf.reshape(chosen, [q]), 0), "float32"))),
    labelled: sum((_, n) => right[n]?.labelled),
    correct: sum((_, n) => right[n]?.correct),
  };
}

function image(x: tf.Tensor3D, n: number): tf.Tensor3D {
  return tf.slice(x, [n, 0, 0], [1, x.shape[1], x.shape[2]]);
}

function row(x: tf.Tensor2D, n: number): tf.Tensor1D {
  return tf.reshape(tf.slice(x, [n, 0], [1, x.shape[1]]), [x.shape[1]]);
}
