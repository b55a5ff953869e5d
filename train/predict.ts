/** From an image to class probabilities to labels: what `eval` and `predict` share. */
import * as tf from "@tensorflow/tfjs-core";
import { aggregate } from "../ops/association/aggregation.ts";
import { type Grid, resizeBilinear, resizedRows } from "../ops/resize_bilinear.ts";
import { UserError } from "../core/errors.ts";
import type { EvaluationPlan } from "../core/plan.ts";
import type { Segmenter, Similarity } from "../core/plugin.ts";
import type { NetworkInput } from "../datasets/evaluation.ts";
import { cutWindow, type Window, WindowMean, windowsOf } from "./windows.ts";

/** A network and where its features are. */
export interface Network {
  readonly segmenter: Segmenter;
  /** Its plan's. */
  readonly featureTap: string;
}

/** How probabilities are made beyond one pass. */
export type Inference = Pick<EvaluationPlan, "aggregation" | "flip" | "window">;

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
  /** The winner's probability, 0..255 for 0..1, height x width; there when it was wanted. */
  readonly confidence?: Uint8Array;
}

/** Class probabilities are upsampled so many at a time: 64 MB. */
const BAND = 2 ** 24;

/**
 * The class of every pixel: the probabilities of every input, resized bilinearly to the wanted size and added up; then
 * the largest wins, the first of equal ones. Memory beyond the inputs' probabilities does not grow with the size.
 */
export async function predictLabels(
  network: Network,
  task: { readonly inputs: readonly NetworkInput[]; readonly inference: Inference; readonly wanted: Wanted },
): Promise<PredictedLabels> {
  const { inputs, inference, wanted: { height, width, confidence } } = task;
  const grids: Grid[] = [];
  for (const input of inputs) grids.push(await probabilities(network, input, inference));
  const labels = new Uint8Array(height * width);
  const shares = confidence ? new Uint8Array(height * width) : undefined;
  const rows = Math.max(1, Math.floor(BAND / (width * grids[0]!.channels)));
  for (let first = 0; first < height; first += rows) {
    const band = { first, count: Math.min(rows, height - first) };
    const made = tf.tidy(() => {
      const [one, ...others] = grids.map((grid) => resizedRows(grid, [height, width], band));
      const sum = others.reduce((sum, other) => tf.add(sum, other), one!);
      return { winners: tf.argMax(sum, 3), ...(confidence ? { best: tf.max(sum, 3) } : {}) };
    });
    try {
      labels.set(await made.winners.data(), first * width);
      if (shares && made.best) {
        const best = await made.best.data();
        for (let k = 0; k < best.length; k++) {
          shares[first * width + k] = Math.min(255, Math.round(255 * best[k]! / grids.length));
        }
      }
    } finally {
      tf.dispose(made as tf.TensorContainer);
    }
  }
  return { labels, ...(shares ? { confidence: shares } : {}) };
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
      return resizeBilinear(small, [window.height, window.width]);
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

/** float32 [1, h, w, K]: of the input, or with `flip` the mean of it and of its mirror's, mirrored back. */
function pass(network: Network, { images, height, width }: NetworkInput, inference: Inference): tf.Tensor4D {
  const pixels = tf.tensor4d(images, [1, height, width, 3]);
  const plain = forward(network, pixels, inference);
  if (!inference.flip) return plain;
  const mirrored = tf.tidy(() => tf.reverse(forward(network, tf.reverse(pixels, 2), inference), 2));
  return tf.div(tf.add(plain, mirrored), 2);
}

/**
 * Class probabilities float32 [1, h, w, K] at the feature tap's resolution. With aggregation (Kang et al. 2020,
 * section 3.5) the features are aggregated before they are classified, and the probabilities after the softmax.
 */
function forward(
  { segmenter, featureTap }: Network,
  images: tf.Tensor4D,
  { aggregation }: Inference,
): tf.Tensor4D {
  return tf.tidy(() => {
    const view = segmenter.forward(images, { training: false, domain: "target" });
    if (aggregation === undefined) return tf.softmax(view.logits);
    const { alpha, features, predictions } = aggregation;
    const mixed = aggregateImage(view.taps[featureTap]!, features, alpha);
    return aggregateImage(tf.softmax(segmenter.classify(mixed)), predictions, alpha);
  });
}

function aggregateImage(x: tf.Tensor4D, similarity: Similarity, alpha: number): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const pixels = tf.reshape(x, [n, height * width, channels]) as tf.Tensor3D;
  const mixed = aggregate(pixels, { similarity, alpha, contrast: similarity.contrastAggregation });
  return tf.reshape(mixed, [n, height, width, channels]);
}
