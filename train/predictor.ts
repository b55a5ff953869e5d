/**
 * A trained network that labels images one by one: for `plca predict`, and for the pictures of reports and of
 * `plca view`. With `evaluation.ensemble` it is several networks whose predictions are averaged.
 *
 * It is public by train/mod.ts: what it returns and throws is what programs of others rely on.
 */
import type { RunPlan } from "../core/plan.ts";
import type { Sample } from "../core/plugin.ts";
import { networkInputs } from "../datasets/evaluation.ts";
import { confidenceBytes, predictLabels } from "./predict.ts";
import { openEnsemble, type TrainedOptions } from "./trained.ts";

/** The result of {@linkcode Predictor.predict}. */
export interface Prediction {
  /** Train ids, height x width. */
  readonly labels: Uint8Array;
  /** The probability of each pixel's label, 0..255 for 0..1, height x width; present when it was wanted. */
  readonly confidence?: Uint8Array;
}

/** Labels images until it is disposed. */
export interface Predictor {
  /**
   * Labels an image at its own size, in inference mode, as the recipe's `evaluation` says: size, aggregation,
   * mirror, scales, windows. Every tensor of the call is freed again.
   * @param image RGB, 3 bytes a pixel, row-major; at least one pixel
   * @param want whether `confidence` is wanted as well; by default they are not
   * @throws UserError when the tensor backend has no memory for the image
   */
  predict(
    image: Pick<Sample, "width" | "height" | "image">,
    want?: { readonly confidence: boolean },
  ): Promise<Prediction>;
  /** Frees the networks. */
  dispose(): void;
}

/**
 * Makes a plan's network with the weights of a checkpoint, and the further ones of `evaluation.ensemble`. The
 * data of the recipe is not opened. The caller selects the tensor backend first.
 * @throws UserError when the file does not fit the model, DataError when it cannot be read
 */
export async function openPredictor(plan: RunPlan, options: TrainedOptions): Promise<Predictor> {
  const { ensemble, dispose } = await openEnsemble(plan, options);
  const { evaluation, input: { normalization } } = plan;
  return {
    async predict(image, want = { confidence: false }) {
      const { width, height } = image;
      const { labels, confidence } = await predictLabels(ensemble, {
        inputs: networkInputs(image, { evaluation, normalization }),
        inference: evaluation,
        wanted: { width, height, confidence: want.confidence },
      });
      return { labels, ...(confidence ? { confidence: confidenceBytes(confidence) } : {}) };
    },
    dispose,
  };
}
