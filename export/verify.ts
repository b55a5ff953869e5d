/** Whether an exported file says what the network itself says. */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { Ensemble } from "../train/predict.ts";
import { wholeImage, type WholeImageOptions } from "../train/whole_image.ts";
import type { Batch, RunningModel } from "./run_model.ts";

/** Images for both: the same ones twice. */
export interface Trial {
  /** For the network: float32, images x height x width x 3, normalised. */
  readonly images: Float32Array;
  /** Images, height, width. */
  readonly sides: readonly [number, number, number];
  /** For the file. */
  readonly given: Batch;
}

/** What was found. */
export interface Comparison {
  /** The largest difference of any number of the output. */
  readonly difference: number;
  /** The largest number of the network's. */
  readonly largest: number;
  /** Pixels, and those that both label alike. */
  readonly pixels: number;
  readonly equal: number;
  /** Median of one image, in milliseconds. */
  readonly time: { readonly file: number; readonly own: number };
}

/** Runs of the first image that are timed, and before them. */
const TIMED = 5, WARM = 2;

/** Runs both on every trial and the first one some times more. @param trials at least one */
export async function compareOutputs(
  model: RunningModel,
  ensemble: Ensemble,
  { trials, ...options }: WholeImageOptions & { readonly trials: readonly Trial[] },
): Promise<Comparison> {
  const own = ({ images, sides }: Trial) => {
    const made = tf.tidy(() => wholeImage(ensemble, tf.tensor4d(images, [...sides, 3]), options));
    const result: Batch = { dims: made.shape, data: made.dataSync() as Batch["data"] };
    made.dispose();
    return result;
  };
  let [difference, largest, pixels, equal] = [0, 0, 0, 0];
  for (const trial of trials) {
    const there = inRows(await model.run(trial.given)), here = own(trial);
    if (there.dims.join() !== here.dims.join()) {
      throw new UserError(
        `the file makes an output of ${there.dims.join("x")} where the network makes ${here.dims.join("x")}`,
      );
    }
    for (let k = 0; k < here.data.length; k++) {
      const apart = Math.abs(here.data[k]! - there.data[k]!);
      // Not a number is farther than anything.
      if (!(apart <= difference)) difference = Number.isNaN(apart) ? Infinity : apart;
      largest = Math.max(largest, Math.abs(here.data[k]!));
    }
    const [a, b] = [winners(here), winners(there)];
    pixels += a.length;
    equal += a.reduce((sum, label, k) => sum + Number(label === b[k]), 0);
  }
  const time = {
    file: await median(() => model.run(trials[0]!.given)),
    own: await median(() => own(trials[0]!)),
  };
  return { difference, largest, pixels, equal, time };
}

/** Planes as rows; anything else as it is. */
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

/** The first of the largest of every pixel; labels are what they are. */
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

async function median(body: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let k = 0; k < WARM + TIMED; k++) {
    const start = performance.now();
    await body();
    if (k >= WARM) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(TIMED / 2)]!;
}

/** What a file may differ by. */
interface Limits {
  /** Of any number of logits or probabilities. */
  readonly difference: number;
  /** The same in parts of the largest number, where that is more. */
  readonly relative: number;
  /** Share of the pixels that may have another label. */
  readonly unequal: number;
}

/**
 * Of whole floats, which have seven digits: of logits beyond 100 the fifth may differ, since sums are taken
 * in another order. Of half floats, which have three.
 */
const WHOLE: Limits = { difference: 1e-3, relative: 1e-5, unequal: 1e-3 };
const HALF: Limits = { difference: 0.05, relative: 0.05, unequal: 0.02 };

/** What to say where a file differs too much; undefined where it does not. */
export function refusal(
  { difference, largest, pixels, equal }: Comparison,
  { wanted, half }: Pick<WholeImageOptions, "wanted"> & { readonly half: boolean },
): string | undefined {
  const limits = half ? HALF : WHOLE;
  const unequal = 1 - equal / pixels;
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
