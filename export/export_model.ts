/** From a trained network to the bytes of an ONNX file. */
import * as tf from "@tensorflow/tfjs-core";
import type { Normalization } from "../core/plan.ts";
import { recordRun } from "../backends/recorder/record.ts";
import type { Ensemble } from "../train/predict.ts";
import { normalized, wholeImage, type WholeImageOptions } from "../train/whole_image.ts";
import { unify } from "./graph.ts";
import { lower, type LoweredModel } from "./lower.ts";

/** How a network is exported. */
export interface ExportOptions extends WholeImageOptions {
  /** Absent: images come normalised, float32 [N, 3, H, W]; else they come as bytes, uint8 [N, H, W, 3]. */
  readonly bytes?: Normalization | undefined;
  /** The only height and width; absent: any. */
  readonly size?: readonly [number, number] | undefined;
  readonly half: boolean;
  /** What the file calls its input; absent: `images`. */
  readonly inputName?: string | undefined;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Sides at which a network is recorded: some odd and some even, and so after each of four halvings, so that
 * whatever is rounded otherwise differs somewhere.
 */
const SIZES = [[167, 390], [395, 172], [274, 307]] as const;

/** Images in each recording. */
const BATCHES = [2, 3, 5] as const;

/**
 * Records the network's own forward pass and writes it as ONNX. The caller selects the tensor backend first.
 * @throws UserError that names an operator which cannot be exported, or says that the size must be given
 */
export function exportModel(ensemble: Ensemble, options: ExportOptions): LoweredModel {
  const { bytes, size, half, inputName = "images", producerVersion, metadata, wanted } = options;
  const run = (images: tf.Tensor4D) =>
    wholeImage(ensemble, bytes ? normalized(images, bytes) : images, options);
  const recordings = SIZES.map((free, k) => recordRun([BATCHES[k]!, ...size ?? free, 3], run));
  const graph = unify(recordings);
  const names = { input: inputName, output: wanted };
  return lower(graph, { ...names, bytes: bytes !== undefined, half, producerVersion, metadata });
}
