/**
 * Does an exported file compute what the network itself computes? Both run on the same images, in ONNX
 * Runtime and in plca. Numbers are compared, and labels: the first catch a wrong operator, the second say
 * whether a rounding difference matters. An export that fails this is refused.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { Ensemble } from "../train/predict.ts";
import { wholeImage, type WholeImageOptions } from "../train/whole_image.ts";
import type { WholeSession } from "../backends/native/ort.ts";
import type { Batch } from "./run_model.ts";

/** The same images in the two forms that network and file take. */
export interface Trial {
  /** For the network: float32, images x height x width x 3, normalised. */
  readonly images: Float32Array;
  /** How many images, their height and width. */
  readonly sides: readonly [number, number, number];
  /** For the file, as bytes or as planes. */
  readonly given: Batch;
}

/** The result of a comparison. */
export interface Comparison {
  /** The largest difference between two numbers of the outputs; Infinity if one of them is NaN. */
  readonly difference: number;
  /** The largest absolute number in the network's output. */
  readonly largest: number;
  /** Pixels that were labelled. */
  readonly pixels: number;
  /** Those that both label alike. */
  readonly equal: number;
  /** Median time of the first trial, in milliseconds. */
  readonly time: { readonly file: number; readonly own: number };
}

/** How many runs of the first trial are timed, and how many before them are not. */
const TIMED = 5, WARM = 2;

/**
 * Runs both on every trial, and the first one some times more for the time. @param trials at least one
 * @throws UserError when the outputs differ in shape
 */
export function compareOutputs(
  model: WholeSession,
  ensemble: Ensemble,
  { trials, ...options }: WholeImageOptions & { readonly trials: readonly Trial[] },
): Comparison {
  const predicted = ({ images, sides }: Trial) => {
    const output = tf.tidy(() => wholeImage(ensemble, tf.tensor4d(images, [...sides, 3]), options));
    const result: Batch = { dims: output.shape, data: output.dataSync() as Batch["data"] };
    output.dispose();
    return result;
  };
  let [difference, largest, pixels, equal] = [0, 0, 0, 0];
  for (const trial of trials) {
    const there = inRows(model.run(trial.given)), here = predicted(trial);
    if (there.dims.join() !== here.dims.join()) {
      throw new UserError(
        `the file makes an output of ${there.dims.join("x")} where the network makes ${here.dims.join("x")}`,
      );
    }
    for (let k = 0; k < here.data.length; k++) {
      const apart = Math.abs(here.data[k]! - there.data[k]!);
      // A difference that is NaN counts as infinite.
      if (!(apart <= difference)) difference = Number.isNaN(apart) ? Infinity : apart;
      largest = Math.max(largest, Math.abs(here.data[k]!));
    }
    const [a, b] = [winners(here), winners(there)];
    pixels += a.length;
    equal += a.reduce((sum, label, k) => sum + Number(label === b[k]), 0);
  }
  const time = {
    file: median(() => model.run(trials[0]!.given)),
    own: median(() => predicted(trials[0]!)),
  };
  return { difference, largest, pixels, equal, time };
}

/** Maps as rows [N, H, W, C]; anything else as it is. */
function inRows({ dims, data }: Batch): Batch {
  if (dims.length !== 4) return { dims, data };
  const [images, channels, height, width] = dims as [number, number, number, number];
  const out = new Float32Array(data.length), pixels = height * width;
  for (let n = 0; n < images; n++) {
    for (let c = 0; c < channels; c++) {
      const from = (n * channels + c) * pixels;
      for (let k = 0; k < pixels; k++) out[(n * pixels + k) * channels + c] = data[from + k]!;
    }
  }
  return { dims: [images, height, width, channels], data: out };
}

/** The label of every pixel: of a map the first of the largest channels; labels stay as they are. */
function winners({ dims, data }: Batch): Int32Array {
  if (dims.length !== 4) return Int32Array.from(data);
  const channels = dims[3]!, labels = new Int32Array(data.length / channels);
  for (let pixel = 0; pixel < labels.length; pixel++) {
    let best = 0;
    for (let c = 1; c < channels; c++) {
      if (data[pixel * channels + c]! > data[pixel * channels + best]!) best = c;
    }
    labels[pixel] = best;
  }
  return labels;
}

/** The median time of a call, in milliseconds. */
function median(body: () => unknown): number {
  const times: number[] = [];
  for (let k = 0; k < WARM + TIMED; k++) {
    const start = performance.now();
    body();
    if (k >= WARM) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(TIMED / 2)]!;
}

/** How much a file may differ. */
interface Limits {
  /** In any number of logits or probabilities. */
  readonly difference: number;
  /** The same as a share of the largest number; the larger of the two holds. */
  readonly relative: number;
  /** Share of the pixels that may have another label. */
  readonly unequal: number;
}

/**
 * For float32, which has seven digits: of logits beyond 100 the fifth may differ, since sums are taken in
 * another order. HALF is for float16, which has three.
 */
const WHOLE: Limits = { difference: 1e-3, relative: 1e-5, unequal: 1e-3 };
const HALF: Limits = { difference: 0.05, relative: 0.05, unequal: 0.02 };

/** The reason to refuse a file that differs too much; undefined if it does not. */
export function refusal(
  { difference, largest, pixels, equal }: Comparison,
  { wanted, half }: Pick<WholeImageOptions, "wanted"> & { readonly half: boolean },
): string | undefined {
  const limits = half ? HALF : WHOLE;
  const unequal = (pixels - equal) / pixels;
  const allowed = Math.max(limits.difference, limits.relative * largest);
  if (wanted !== "labels" && !(difference <= allowed)) {
    return `the file differs from the network by ${difference.toPrecision(3)}, expected at most ${
      allowed.toPrecision(3)
    }`;
  }
  if (unequal <= limits.unequal) return undefined;
  return `the file labels ${
    (100 * unequal).toPrecision(3)
  } % of the pixels otherwise than the network, expected at most ${100 * limits.unequal} %`;
}
