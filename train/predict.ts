/**
 * From an image to class probabilities to labels: what validation, `eval`, `predict` and jobs share.
 *
 * Three things multiply the forward passes of an image: several inputs (the image at several scales), the
 * mirror (`flip`), and several networks (`ensemble`). Each yields a map of probabilities at the network's
 * resolution, the *grid*. All grids are resized to the wanted size and added with their weights; the class
 * with the largest sum wins. With `aggregation` the features and then the probabilities of an image are mixed
 * by their similarity before that (Kang et al. 2020, section 3.5). With `window` an input is cut into
 * overlapping windows, which are averaged into one grid.
 *
 * At full size the probabilities of one image would take hundreds of megabytes (2048 x 1024 pixels of 19
 * classes: 160 MB). So grids are kept small, and resized, added and decided in bands of rows.
 */
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../ops/association/aggregation.ts";
import { contrastByDefault } from "../ops/association/level.ts";
import { type Grid, resizeBilinear, resizedRows } from "../ops/resize_bilinear.ts";
import { UserError } from "../core/errors.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import type { ProbabilityRows, Segmenter, Similarity, View } from "../core/plugin.ts";
import type { NetworkInput } from "../datasets/evaluation.ts";
import { cutWindow, type Window, WindowMean, windowsOf } from "./windows.ts";

/** Networks of one model that predict together. */
export interface Ensemble {
  /** At least one, mostly one; the probabilities of several are averaged by their weights. */
  readonly networks: readonly { readonly segmenter: Segmenter; readonly weight: number }[];
  /** The recipe's name of the first network; undefined for the student. */
  readonly network?: string | undefined;
  /** The tap of the model that holds the features, for `aggregation`. */
  readonly featureTap: string;
  /** Whether probabilities are resized with aligned corners; absent: with half-pixel centres. */
  readonly alignCorners?: boolean | undefined;
}

/** One network of an ensemble. */
export interface Network extends Omit<Ensemble, "networks" | "network"> {
  readonly segmenter: Segmenter;
}

/** What is done beyond one forward pass. */
export type Inference = Pick<EvaluationPlan, "aggregation" | "flip" | "window" | "heads" | "average">;

/** The size of a prediction in pixels, and whether confidences are wanted. */
export interface Wanted {
  readonly height: number;
  readonly width: number;
  readonly confidence: boolean;
}

/** The class of every pixel. */
export interface PredictedLabels {
  /** Train ids, height x width. */
  readonly labels: Uint8Array;
  /** The probability of that class in 0..1, height x width; present when confidences were wanted. */
  readonly confidence?: Float32Array;
}

/** Confidences as bytes: 0..255 for 0..1, rounded. */
export function confidenceBytes(confidence: Float32Array): Uint8Array {
  return Uint8Array.from(confidence, (share) => Math.min(255, Math.round(255 * share)));
}

/** Largest number of class probabilities in a band of rows: 64 MB of float32. */
const BAND = 2 ** 24;

/** The prediction of one image. */
export interface PredictionTask {
  /** The image as the networks take it: once for each scale, at least once. */
  readonly inputs: readonly NetworkInput[];
  readonly inference: Inference;
  readonly wanted: Wanted;
  /** Called with the class probabilities of every input by every network. */
  readonly onProbabilities?: ((grid: Grid) => void) | undefined;
}

/**
 * The class of every pixel. The probabilities of every input by every network, or with `average: logits` the
 * logits, are resized bilinearly to the wanted size and added; the largest wins, the first of equal ones.
 * @throws UserError when the backend has no memory for an input
 */
export async function predictLabels(ensemble: Ensemble, task: PredictionTask): Promise<PredictedLabels> {
  const { height, width, confidence } = task.wanted;
  const labels = new Uint8Array(height * width);
  const shares = confidence ? new Float32Array(height * width) : undefined;
  const { grids, whole } = await gridsOf(ensemble, task);
  for (const band of bandsOf(grids, task.wanted)) {
    const result = tf.tidy(() => {
      const sum = bandSum(grids, band, { ...task.wanted, alignCorners: ensemble.alignCorners });
      const best = () => tf.max(sharesOf(sum, { whole, inference: task.inference }), 3);
      return { winners: tf.argMax(sum, 3), ...(confidence ? { best: best() } : {}) };
    });
    try {
      labels.set(await result.winners.data(), band.first * width);
      if (shares && result.best) {
        shares.set((await result.best.data()).map((best) => best / whole), band.first * width);
      }
    } finally {
      tf.dispose(result as tf.TensorContainer);
    }
  }
  return { labels, ...(shares ? { confidence: shares } : {}) };
}

/**
 * The probabilities behind {@linkcode predictLabels}, of all classes, in bands of rows from the top. They add
 * up to 1 at every pixel. @throws UserError when the backend has no memory for an input
 */
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

/**
 * `whole` times the mean probabilities of a weighted sum, which may be one of logits. Belongs to the caller's
 * tidy scope. @param whole the sum of the weights
 */
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

/** The grids of every input by every network, and the sum of their weights. */
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

/** The bands of rows in which a result is made. */
function bandsOf([one]: readonly WeightedGrid[], { height, width }: Wanted): readonly Rows[] {
  const most = Math.max(1, Math.floor(BAND / (width * one!.grid.channels)));
  return Array.from({ length: Math.ceil(height / most) }, (_, k) => ({
    first: k * most,
    count: Math.min(most, height - k * most),
  }));
}

/** The weighted sum of all grids in a band at the wanted size, float32 [1, count, width, K]. */
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
 * The grid of one input, at the feature tap's resolution; with more than one window at the input's own: the
 * mean at every pixel of the windows that cover it.
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

/** Runs `body` in a tidy scope. @throws UserError where a WASM module ran out of memory inside of a kernel */
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

/** The part of an input that lies in a window. */
function windowed({ images, width }: NetworkInput, window: Window): NetworkInput {
  return {
    images: cutWindow(images, { width, channels: 3 }, window),
    height: window.height,
    width: window.width,
  };
}

/** The values of a tensor [1, h, w, K], which is freed. */
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
 * Class probabilities, or with `average: logits` logits, at the network's resolution; with `flip` the mean of
 * those of the images and those of their mirror images, mirrored back. Belongs to the caller's tidy scope.
 * @param pixels float32 [N, H, W, 3], normalised
 * @returns float32 [N, h, w, K]
 */
export function probabilityMap(network: Network, pixels: tf.Tensor4D, inference: Inference): tf.Tensor4D {
  const plain = forward(network, pixels, inference);
  if (!inference.flip) return plain;
  const mirrored = tf.tidy(() => tf.reverse(forward(network, tf.reverse(pixels, 2), inference), 2));
  return tf.div(tf.add(plain, mirrored), 2);
}

/**
 * One forward pass. With aggregation (Kang et al. 2020, section 3.5) the features are aggregated before they
 * are classified, and the probabilities once more after the softmax.
 * @returns probabilities or logits, float32 [N, h, w, K] at the feature tap's resolution
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

/** The logits of a view, or with `heads` the weighted sum of these taps. */
export function headsOf({ logits, taps }: View, heads: Inference["heads"]): tf.Tensor4D {
  if (heads === undefined) return logits;
  return heads.map(({ tap, weight }) => tf.mul(taps[tap]!, weight) as tf.Tensor4D)
    .reduce((a, b) => tf.add(a, b));
}

/** Mixes every pixel of [N, h, w, C] with the pixels that are similar to it; the shape stays. */
function aggregateImage(x: tf.Tensor4D, similarity: Similarity, alpha: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const pixels = tf.reshape(x, [n, height * width, channels]) as tf.Tensor3D;
  const mixed = aggregate(pixels, { similarity, alpha, contrast: contrastByDefault(similarity) });
  return tf.reshape(mixed, [n, height, width, channels]);
}
