/** A trained network that labels images one by one. */
import type { RunPlan } from "../core/plan.ts";
import type { FileReader, Sample } from "../core/plugin.ts";
import { networkInputs } from "../datasets/evaluation.ts";
import { type PredictedLabels, predictLabels } from "./predict.ts";
import { openTrained } from "./trained.ts";

export type { PredictedLabels } from "./predict.ts";

/** What {@linkcode openPredictor} needs besides the plan. */
export interface PredictorOptions {
  /** A file with the recipe's whole model: safetensors, or a PyTorch file whose names the model knows. */
  readonly checkpoint: string;
  /** How the checkpoint is read. */
  readonly files: FileReader;
}

/** Labels images until it is disposed. */
export interface Predictor {
  /**
   * Labels an image at its own size, in inference mode, with what the recipe's `evaluation` says about size,
   * aggregation, mirror, scales and windows. Nothing of it is kept.
   * @param image RGB, 3 bytes a pixel, row-major; at least one pixel
   * @param want whether the winners' probabilities are wanted
   * @throws UserError when the tensor backend has no memory for it
   */
  predict(
    image: Pick<Sample, "width" | "height" | "image">,
    want?: { readonly confidence: boolean },
  ): Promise<PredictedLabels>;
  /** Frees the network. */
  dispose(): void;
}

/**
 * Makes a plan's network with the weights of a checkpoint; no data of the recipe are opened. The caller selects the
 * tensor backend first. @throws UserError when the file does not fit the model, DataError when it cannot be read
 */
export async function openPredictor(plan: RunPlan, options: PredictorOptions): Promise<Predictor> {
  const model = await openTrained(plan, options);
  const { evaluation, input: { normalization } } = plan;
  const network = { segmenter: model.segmenter, featureTap: plan.model.plan.featureTap };
  return {
    async predict(image, { confidence } = { confidence: false }) {
      const { width, height } = image;
      return await predictLabels(network, {
        inputs: networkInputs(image, { evaluation, normalization }),
        inference: evaluation,
        wanted: { width, height, confidence },
      });
    },
    dispose: () => model.dispose(),
  };
}
