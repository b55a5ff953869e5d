/** A recipe's network with the weights of a file. */
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { assembleModel, type Model } from "./assemble.ts";
import { loadWeights } from "./weights.ts";

/** A weights file and how it is read. */
export interface TrainedOptions {
  /** A `.safetensors` file with the recipe's model. */
  readonly checkpoint: string;
  readonly files: FileReader;
}

/** @throws UserError when the file does not fit the plan's model, DataError when it cannot be read */
export async function openTrained(plan: RunPlan, { checkpoint, files }: TrainedOptions): Promise<Model> {
  const model = assembleModel(plan);
  try {
    await loadWeights(checkpoint, { plan, state: model.state }, files);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
