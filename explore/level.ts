/**
 * One level of two images: every cycle, and single rows of its matrices, by the operators of training.
 *
 * The matrices of similarities (P source pixels x Q target pixels, both ways) are never held: for a page only
 * the best partner of each pixel matters, and the row of the one pixel that a person points at, which is
 * computed when it is asked for from the features that are kept ({@linkcode LevelState}).
 */
import * as tf from "@tensorflow/tfjs-core";
import { type AssociationLevel, levelPixels } from "../ops/association/level.ts";
import { cycleOutcome } from "../ops/association/outcome.ts";
import { scoped } from "../ops/scoped.ts";
import { associationCycles, type Cycles, similarityRow } from "../ops/association/inspection.ts";
import { nearestLabels } from "../ops/nearest.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { type HostTap, type HostTaps, tapTensor } from "./network.ts";
import { type LevelSide, type LevelView, OUTCOMES, type RowRequest, type RowView } from "./types.ts";

/** An image under a network. */
export interface Side {
  readonly id: string;
  /** Of the image as the network saw it. */
  readonly height: number;
  readonly width: number;
  readonly original: { readonly height: number; readonly width: number };
  /** Train ids, height x width; absent: it has none. */
  readonly labels?: Uint8Array;
  /** The level's tap and `probabilities`. */
  readonly taps: HostTaps;
}

/** Both images of a level. */
export interface Sides {
  readonly source: Side;
  readonly target: Side;
}

/** What a level compares, kept on the host: rows are computed from it on demand. */
export interface LevelState {
  /** The source's features. */
  readonly from: HostTap;
  /** The target's features. */
  readonly raw: HostTap;
  /**
   * The target's features as the cycles see them: aggregated where the level aggregates, else `raw` itself.
   */
  readonly candidates: HostTap;
  readonly cycles: Cycles;
  readonly view: Omit<LevelView, "checkpoint">;
}

/** Roughly the bytes that a state takes on the host. */
export function bytesOf({ from, raw, candidates }: LevelState): number {
  const all = new Set([from, raw, candidates].map(({ data }) => data));
  return [...all].reduce((sum, data) => sum + data.byteLength, 0) + 100 * from.height * from.width;
}

/** What following cycles needs besides the images. */
export interface Following {
  /** Of the source's labels. */
  readonly ignoreLabel: number;
  /** Awaited between computations; may throw to end them. */
  readonly pause: () => Promise<void>;
}

/** Follows every cycle of a level: from each source pixel to its most similar target pixel and back. */
export async function levelState(
  { source, target }: Sides,
  level: AssociationLevel,
  { ignoreLabel, pause }: Following,
): Promise<LevelState> {
  const from = source.taps[level.tap]!, raw = target.taps[level.tap]!;
  const mixed = tf.tidy(() => {
    const labels = tf.fill([1, source.height, source.width], ignoreLabel, "int32") as tf.Tensor3D;
    const made = levelPixels({ source: tapTensor(from), target: tapTensor(raw), labels }, level);
    return made.candidates.dataSync().slice() as Float32Array;
  });
  const candidates = level.aggregation === undefined ? raw : { ...raw, data: mixed };
  await pause();
  const cycles = scoped(() => associationCycles([rowsOf(from), rowsOf(candidates)], level.similarity));
  const sides = { source: sideOf(source, from, ignoreLabel), target: sideOf(target, raw, ignoreLabel) };
  return { from, raw, candidates, cycles, view: viewOf(sides, cycles, ignoreLabel) };
}

/** The cycles as the page shows them, with how many are consistent and how many of these are right. */
function viewOf(
  { source, target }: { readonly source: LevelSide; readonly target: LevelSide },
  { forward, similarity, back }: Cycles,
  ignoreLabel: number,
): Omit<LevelView, "checkpoint"> {
  const labelAt = (pixel: number) => source.labels?.[pixel] ?? ignoreLabel;
  const outcome = Array.from(
    back,
    (end, start) => OUTCOMES.indexOf(cycleOutcome([labelAt(start), labelAt(end)], ignoreLabel)),
  );
  const starts = [...outcome.keys()].filter((start) => OUTCOMES[outcome[start]!] === "consistent");
  const labelled = starts.filter((start) =>
    target.labels !== null && target.labels[forward[start]!] !== ignoreLabel
  );
  return {
    source,
    target,
    forward: [...forward],
    similarity: numbers(similarity),
    back: [...back],
    outcome,
    associated: starts.length,
    covered: new Set(starts.map((start) => forward[start]!)).size,
    correct: target.labels === null ? null : {
      right: labelled.filter((start) => target.labels![forward[start]!] === labelAt(start)).length,
      labelled: labelled.length,
    },
  };
}

/** An image at the level's resolution. */
function sideOf(side: Side, { height, width }: HostTap, ignoreLabel: number): LevelSide {
  const { id, height: imageHeight, width: imageWidth, original, labels } = side;
  return {
    id,
    height,
    width,
    imageHeight,
    imageWidth,
    originalHeight: original.height,
    originalWidth: original.width,
    labels: labels ? labelsAt(labels, [imageHeight, imageWidth], [height, width]) : null,
    predictions: predictionsAt(side.taps["probabilities"]!, [height, width], ignoreLabel),
  };
}

type Size = readonly [number, number];

/** Labels at another resolution, by the nearest pixel. */
function labelsAt(labels: Uint8Array, from: Size, to: Size): number[] {
  const ids = Int32Array.from(labels);
  return tf.tidy(() => [...nearestLabels(tf.tensor3d(ids, [1, ...from], "int32"), to).dataSync()]);
}

/**
 * The most probable class at each pixel of the level; the ignore label where probabilities are not finite.
 */
function predictionsAt(probabilities: HostTap, size: Size, ignoreLabel: number): number[] {
  return tf.tidy(() => {
    const resized = resizeBilinear(tapTensor(probabilities), size);
    const [best, known] = [tf.argMax(resized, 3), tf.isFinite(tf.max(resized, 3))];
    return [...tf.where(known, best, tf.fill(best.shape, ignoreLabel, "int32")).dataSync()];
  });
}

/**
 * One row of a matrix: of a source pixel over the target (`forward`), of a target pixel over the source
 * (`back`), or of a target pixel over the target (`aggregation`). Undefined when the level aggregates
 * nothing.
 */
export function levelRow(
  { from, raw, candidates }: LevelState,
  level: AssociationLevel,
  { kind, pixel }: Pick<RowRequest, "kind" | "pixel">,
): RowView | undefined {
  const { similarity } = level;
  const contrast = kind === "aggregation" ? level.aggregation?.contrast : level.contrast;
  if (contrast === undefined) return undefined;
  const row = scoped(() => {
    const a = rowsOf({ forward: from, back: candidates, aggregation: raw }[kind]);
    const b = kind === "aggregation" ? a : rowsOf(kind === "forward" ? candidates : from);
    return similarityRow([a, b], { row: pixel, similarity, contrast });
  });
  return {
    similarities: numbers(row.similarities),
    weights: numbers(row.weights).map((weight) => weight ?? 0),
    normalised: numbers(row.normalised).map((value) => value ?? 0),
  };
}

/** float32 [1, h * w, C] */
function rowsOf({ data, height, width, channels }: HostTap): tf.Tensor3D {
  return tf.tensor3d(data, [1, height * width, channels]);
}

/** Values for JSON: six digits, which are enough to look at, and null for NaN and infinity. */
function numbers(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) => Number.isFinite(value) ? Number(value.toPrecision(6)) : null);
}
