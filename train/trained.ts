/** A recipe's network with the weights of a file. */
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { assembleModel, type Model } from "./assemble.ts";
import { loadWeights } from "./weights.ts";

/** A weights file and how it is read. */
export interface TrainedOptions {
  /** A file with the recipe's whole model: safetensors, or a PyTorch file whose names the model knows. */
  readonly checkpoint: string;
  readonly files: FileReader;
}

/** A network that a file was read into. */
export interface TrainedModel extends Model {
  /** The phase that wrote the file; undefined when it does not say. */
  readonly phase: string | undefined;
}

/** @throws UserError when the file does not fit the plan's model, DataError when it cannot be read */
export async function openTrained(
  plan: RunPlan,
  { checkpoint, files }: TrainedOptions,
): Promise<TrainedModel> {
  const model = assembleModel(plan);
  try {
    const run = await loadWeights(checkpoint, { plan, state: model.state }, files);
    return { ...model, phase: run?.phase };
  } catch (error) {
    model.dispose();
    throw error;
  }
}
