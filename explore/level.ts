/** One level of two images: every cycle, and single rows of its matrices. By the operators of training. */
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

/** What a level compares, on the host: rows are computed from it when they are asked for. */
export interface LevelState {
  readonly from: HostTap;
  readonly raw: HostTap;
  readonly candidates: HostTap;
  readonly cycles: Cycles;
  readonly view: Omit<LevelView, "checkpoint">;
}

/** What a state takes on the host. */
export function bytesOf({ from, raw, candidates }: LevelState): number {
  const all = new Set([from, raw, candidates].map(({ data }) => data));
  return [...all].reduce((sum, data) => sum + data.byteLength, 0) + 100 * from.height * from.width;
}

/** What {@linkcode levelState} is told besides. */
export interface Following {
  /** Of the source's labels. */
  readonly ignoreLabel: number;
  /** Awaited between computations; may throw to end them. */
  readonly pause: () => Promise<void>;
}

/** Follows every cycle. */
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

function labelsAt(labels: Uint8Array, from: Size, to: Size): number[] {
  const ids = Int32Array.from(labels);
  return tf.tidy(() => [...nearestLabels(tf.tensor3d(ids, [1, ...from], "int32"), to).dataSync()]);
}

/** The most probable class; where nothing is a number, the ignore label. */
function predictionsAt(probabilities: HostTap, size: Size, ignoreLabel: number): number[] {
  return tf.tidy(() => {
    const resized = resizeBilinear(tapTensor(probabilities), size);
    const [best, known] = [tf.argMax(resized, 3), tf.isFinite(tf.max(resized, 3))];
    return [...tf.where(known, best, tf.fill(best.shape, ignoreLabel, "int32")).dataSync()];
  });
}

/** Of a source pixel over the target, of a target pixel over the source, or of a target pixel in its aggregation. */
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

/** Six digits are enough to look at; JSON has no NaN. */
function numbers(values: Float32Array): (number | null)[] {
  return Array.from(values, (value) => Number.isFinite(value) ? Number(value.toPrecision(6)) : null);
}
