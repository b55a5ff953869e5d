/**
 * From a trained network to the bytes of an ONNX file, in three steps: the network's own forward pass is
 * recorded at three sizes (backends/recorder), the recordings are merged into one graph (graph.ts), and the
 * graph is written as ONNX (lower.ts). A model needs no description for this: whatever its code calls is what
 * the file does.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Normalization } from "../core/plan.ts";
import { recordRun } from "../backends/recorder/record.ts";
import type { Ensemble } from "../train/predict.ts";
import { normalized, wholeImage, type WholeImageOptions } from "../train/whole_image.ts";
import { unify } from "./graph.ts";
import { lower, type LoweredModel } from "./lower.ts";

/** The options of an export. */
export interface ExportOptions extends WholeImageOptions {
  /**
   * Given: the file takes images as bytes, uint8 [N, H, W, 3], and normalises them so. Absent: it takes
   * normalised images, float32 [N, 3, H, W].
   */
  readonly bytes?: Normalization | undefined;
  /** The only height and width that the file takes; absent: any. */
  readonly size?: readonly [number, number] | undefined;
  /** Whether weights and all tensors between input and output are float16. */
  readonly half: boolean;
  /** The name of the file's input; absent: `images`. */
  readonly inputName?: string | undefined;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The sizes at which a network is recorded. A side that varies must have lengths that no other side has by
 * chance, so these are unlike: some odd and some even, and so after each of four halvings, because rounding
 * up and rounding down then differ in some recording.
 */
const SIZES = [[167, 390], [395, 172], [274, 307]] as const;

/** The number of images in each recording: the batch is a side that varies, too. */
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
