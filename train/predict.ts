/** From an image to class probabilities to labels: what `eval` and `predict` share. */
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../ops/association/aggregation.ts";
import { contrastByDefault } from "../ops/association/level.ts";
import { type Grid, resizeBilinear, resizedRows } from "../ops/resize_bilinear.ts";
import { UserError } from "../core/errors.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import type { ProbabilityRows, Segmenter, Similarity, View } from "../core/plugin.ts";
import type { NetworkInput } from "../datasets/evaluation.ts";
import { cutWindow, type Window, WindowMean, windowsOf } from "./windows.ts";

/** Networks that predict together, and where their features are. */
export interface Ensemble {
  /** Mostly one; of several the probabilities are averaged by their weights. */
  readonly networks: readonly { readonly segmenter: Segmenter; readonly weight: number }[];
  /** What the recipe calls the first; absent: the student. */
  readonly network?: string | undefined;
  /** Their plan's. */
  readonly featureTap: string;
  /** How probabilities are resized; absent: with half-pixel centres. */
  readonly alignCorners?: boolean | undefined;
}

/** One of them. */
export interface Network extends Omit<Ensemble, "networks" | "network"> {
  readonly segmenter: Segmenter;
}

/** How probabilities are made beyond one pass. */
export type Inference = Pick<EvaluationPlan, "aggregation" | "flip" | "window" | "heads" | "average">;

/** What {@linkcode predictLabels} makes. */
export interface Wanted {
  /** Of the result, in pixels. */
  readonly height: number;
  readonly width: number;
  readonly confidence: boolean;
}

/** The class of every pixel. */
export interface PredictedLabels {
  /** Train ids, height x width. */
  readonly labels: Uint8Array;
  /** The winner's probability in 0..1, height x width; there when it was wanted. */
  readonly confidence?: Float32Array;
}

/** 0..255 for 0..1. */
export function confidenceBytes(confidence: Float32Array): Uint8Array {
  return Uint8Array.from(confidence, (share) => Math.min(255, Math.round(255 * share)));
}

/** Class probabilities are upsampled so many at a time: 64 MB. */
const BAND = 2 ** 24;

/** What is predicted of one image. */
export interface PredictionTask {
  readonly inputs: readonly NetworkInput[];
  readonly inference: Inference;
  readonly wanted: Wanted;
  /** Called with the class probabilities of every input by every network. */
  readonly onProbabilities?: ((grid: Grid) => void) | undefined;
}

/**
 * The class of every pixel: the probabilities (or `average: logits`, these) of every input by every network, resized
 * bilinearly to the wanted size and added up; then the largest wins, the first of equal ones. Memory beyond the inputs' probabilities does not grow with the size.
 */
export async function predictLabels(ensemble: Ensemble, task: PredictionTask): Promise<PredictedLabels> {
  const { height, width, confidence } = task.wanted;
  const labels = new Uint8Array(height * width);
  const shares = confidence ? new Float32Array(height * width) : undefined;
  const { grids, whole } = await gridsOf(ensemble, task);
  for (const band of bandsOf(grids, task.wanted)) {
    const made = tf.tidy(() => {
      const sum = bandSum(grids, band, { ...task.wanted, alignCorners: ensemble.alignCorners });
      const best = () => tf.max(sharesOf(sum, { whole, inference: task.inference }), 3);
      return { winners: tf.argMax(sum, 3), ...(confidence ? { best: best() } : {}) };
    });
    try {
      labels.set(await made.winners.data(), band.first * width);
      if (shares && made.best) {
        shares.set((await made.best.data()).map((best) => best / whole), band.first * width);
      }
    } finally {
      tf.dispose(made as tf.TensorContainer);
    }
  }
  return { labels, ...(shares ? { confidence: shares } : {}) };
}

/** The probabilities behind {@linkcode predictLabels}: of all classes, some rows at a time, from the top. */
export async function* predictRows(
  ensemble: Ensemble,
  task: PredictionTask,
): AsyncGenerator<ProbabilityRows, void, void> {
  const { grids, whole } = await gridsOf(ensemble, task);
  for (const band of bandsOf(grids, task.wanted)) {
    const sum = tf.tidy(() =>
      sharesOf(bandSum(grids, band, { ...task.wanted, alignCorners: ensemble.alignCorners }), {
        whole,
        inference: task.inference,
      })
    );
    try {
      const probabilities = (await sum.data() as Float32Array).map((share) => share / whole);
      yield { ...band, probabilities };
    } finally {
      sum.dispose();
    }
  }
}

/** Probabilities, `whole` times, of a sum that may be one of logits. */
function sharesOf(
  sum: tf.Tensor4D,
  { whole, inference: { average } }: { readonly whole: number; readonly inference: Inference },
): tf.Tensor4D {
  return average === "logits" ? tf.mul(tf.softmax(tf.div(sum, whole)), whole) : sum;
}

interface WeightedGrid {
  readonly grid: Grid;
  readonly weight: number;
}

/** Of every network the probabilities of every input. */
async function gridsOf(
  { networks, network: _, ...shared }: Ensemble,
  { inputs, inference, onProbabilities }: PredictionTask,
): Promise<{ readonly grids: readonly WeightedGrid[]; readonly whole: number }> {
  const grids: WeightedGrid[] = [];
  for (const { segmenter, weight } of networks) {
    for (const input of inputs) {
      const grid = await probabilities({ ...shared, segmenter }, input, inference);
      onProbabilities?.(grid);
      grids.push({ grid, weight });
    }
  }
  return { grids, whole: grids.reduce((sum, { weight }) => sum + weight, 0) };
}

interface Rows {
  readonly first: number;
  readonly count: number;
}

/** Rows that are upsampled together. */
function bandsOf([one]: readonly WeightedGrid[], { height, width }: Wanted): readonly Rows[] {
  const most = Math.max(1, Math.floor(BAND / (width * one!.grid.channels)));
  return Array.from({ length: Math.ceil(height / most) }, (_, k) => ({
    first: k * most,
    count: Math.min(most, height - k * most),
  }));
}

/** float32 [1, count, width, K] */
function bandSum(
  grids: readonly WeightedGrid[],
  rows: Rows,
  { height, width, alignCorners = false }: Wanted & Pick<Ensemble, "alignCorners">,
): tf.Tensor4D {
  const [first, ...others] = grids.map(({ grid, weight }) => {
    const part = resizedRows(grid, [height, width], { rows, alignCorners });
    return weight === 1 ? part : tf.mul(part, weight) as tf.Tensor4D;
  });
  return others.reduce((sum, other) => tf.add(sum, other), first!);
}

/**
 * Class probabilities of one input, at the feature tap's resolution; with more than one window at the input's own, the
 * mean of the windows at every pixel.
 */
async function probabilities(network: Network, input: NetworkInput, inference: Inference): Promise<Grid> {
  const { height, width } = input;
  const windows = inference.window ? windowsOf(height, width, inference.window) : [];
  if (windows.length <= 1) return await gridOf(within(input, () => pass(network, input, inference)));
  let mean: WindowMean | undefined;
  for (const window of windows) {
    const part = await gridOf(within(window, () => {
      const small = pass(network, windowed(input, window), inference);
      return resizeBilinear(small, [window.height, window.width], {
        alignCorners: network.alignCorners ?? false,
      });
    }));
    mean ??= new WindowMean({ height, width, channels: part.channels });
    mean.add(window, part.data);
  }
  return mean!.mean();
}

/** @throws UserError instead of what a WASM module throws whose memory ends in the middle of a kernel */
function within(size: { readonly height: number; readonly width: number }, body: () => tf.Tensor4D) {
  try {
    return tf.tidy(body);
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    throw new UserError(
      `the network has no memory for ${size.width}x${size.height} pixels at once; lower evaluation.size or set ` +
        "a smaller evaluation.window",
      { cause },
    );
  }
}

function windowed({ images, width }: NetworkInput, window: Window): NetworkInput {
  return {
    images: cutWindow(images, { width, channels: 3 }, window),
    height: window.height,
    width: window.width,
  };
}

async function gridOf(tensor: tf.Tensor4D): Promise<Grid> {
  const [, height, width, channels] = tensor.shape;
  try {
    return { height, width, channels, data: await tensor.data() as Float32Array };
  } finally {
    tensor.dispose();
  }
}

function pass(network: Network, { images, height, width }: NetworkInput, inference: Inference): tf.Tensor4D {
  return probabilityMap(network, tf.tensor4d(images, [1, height, width, 3]), inference);
}

/**
 * Class probabilities, or with `average: logits` logits, at the network's resolution: of the images, or with `flip` the mean
 * of them and of their mirrors', mirrored back.
 * @param pixels float32 [N, H, W, 3], normalised @returns float32 [N, h, w, K]
 */
export function probabilityMap(network: Network, pixels: tf.Tensor4D, inference: Inference): tf.Tensor4D {
  const plain = forward(network, pixels, inference);
  if (!inference.flip) return plain;
  const mirrored = tf.tidy(() => tf.reverse(forward(network, tf.reverse(pixels, 2), inference), 2));
  return tf.div(tf.add(plain, mirrored), 2);
}

/**
 * Class probabilities, or logits, float32 [1, h, w, K] at the feature tap's resolution. With aggregation (Kang et al. 2020,
 * section 3.5) the features are aggregated before they are classified, and the probabilities after the softmax.
 */
function forward(
  { segmenter, featureTap }: Network,
  images: tf.Tensor4D,
  { aggregation, heads, average }: Inference,
): tf.Tensor4D {
  return tf.tidy(() => {
    const taps = [...heads?.map(({ tap }) => tap) ?? [], ...aggregation ? [featureTap] : []];
    const [view] = segmenter.forward([images], { training: false, taps });
    if (aggregation === undefined) {
      const logits = headsOf(view!, heads);
      return average === "logits" ? logits : tf.softmax(logits);
    }
    const { alpha, features, predictions } = aggregation;
    const mixed = aggregateImage(view!.taps[featureTap]!, features, alpha);
    return aggregateImage(tf.softmax(segmenter.classify(mixed)), predictions, alpha);
  });
}

/** The logits, or the weighted sum of some taps. */
export function headsOf({ logits, taps }: View, heads: Inference["heads"]): tf.Tensor4D {
  if (heads === undefined) return logits;
  return heads.map(({ tap, weight }) => tf.mul(taps[tap]!, weight) as tf.Tensor4D)
    .reduce((a, b) => tf.add(a, b));
}

function aggregateImage(x: tf.Tensor4D, similarity: Similarity, alpha: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const pixels = tf.reshape(x, [n, height * width, channels]) as tf.Tensor3D;
  const mixed = aggregate(pixels, { similarity, alpha, contrast: contrastByDefault(similarity) });
  return tf.reshape(mixed, [n, height, width, channels]);
}
