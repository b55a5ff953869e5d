/**
 * A trained network as one expression of tensors, from images to logits, probabilities or labels. `plca
 * export` records the operators of this expression into a file. So it reads no value back, and it has none of
 * the loops over bands of rows and windows by which predict.ts saves memory.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Normalization } from "../core/plan.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { type Ensemble, headsOf, type Inference, probabilityMap } from "./predict.ts";

/** What can be computed of images. */
export const WANTED_OUTPUTS = ["logits", "probabilities", "labels"] as const;

/** `logits` at the network's resolution; `probabilities` and `labels` at the images' own. */
export type WantedOutput = typeof WANTED_OUTPUTS[number];

/** What is computed, and how. */
export interface WholeImageOptions {
  readonly wanted: WantedOutput;
  /** Logits take only its `heads`; the rest is for probabilities and labels. */
  readonly inference: Pick<Inference, "aggregation" | "flip" | "heads" | "average">;
}

/**
 * What `plca predict` computes of images at one scale in one window.
 * @param images float32 [N, H, W, 3], normalised
 * @returns logits float32 [N, h, w, K], probabilities float32 [N, H, W, K], or labels int32 [N, H, W]
 */
export function wholeImage(
  ensemble: Ensemble,
  images: tf.Tensor4D,
  { wanted, inference }: WholeImageOptions,
): tf.Tensor {
  const { networks, network: _, ...shared } = ensemble;
  return tf.tidy(() => {
    if (wanted === "logits") {
      const taps = inference.heads?.map(({ tap }) => tap) ?? [];
      const [view] = networks[0]!.segmenter.forward([images], { training: false, taps });
      return headsOf(view!, inference.heads);
    }
    const size = [images.shape[1], images.shape[2]] as const;
    const whole = networks.reduce((sum, { weight }) => sum + weight, 0);
    const sum = networks.map(({ segmenter, weight }) => {
      const map = probabilityMap({ ...shared, segmenter }, images, inference);
      const resized = resizeBilinear(map, size, { alignCorners: shared.alignCorners ?? false });
      return whole === 1 ? resized : tf.mul(resized, weight / whole) as tf.Tensor4D;
    }).reduce((a, b) => tf.add(a, b));
    const shares = inference.average === "logits" ? tf.softmax(sum) : sum;
    return wanted === "labels" ? tf.cast(tf.argMax(shares, 3), "int32") : shares;
  });
}

/**
 * Normalises images as `normalizeInto` does on the host.
 * @param bytes float32 [N, H, W, 3], RGB, 0 to 255
 * @returns float32 [N, H, W, 3], in the model's channel order
 */
export function normalized(
  bytes: tf.Tensor4D,
  { order, scale, mean, deviation }: Normalization,
): tf.Tensor4D {
  return tf.tidy(() => {
    const channels = order === "bgr" ? tf.reverse(bytes, 3) : bytes;
    const factor = deviation.map((one) => scale / one), offset = mean.map((one, k) => -one / deviation[k]!);
    return tf.add(tf.mul(channels, factor), offset) as tf.Tensor4D;
  });
}
