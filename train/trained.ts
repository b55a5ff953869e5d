/**
 * Trained networks: those of a recipe, with weights that were read from files.
 *
 * Evaluation, predictions, exports and the explorer open networks here. Weights are all or nothing: a
 * checkpoint that lacks one tensor of the model is an error, not a network that is partly random.
 */
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { assembleModel, type Model } from "./assemble.ts";
import type { Ensemble } from "./predict.ts";
import { loadWeights } from "./weights.ts";

/** A file of weights and how it is read. */
export interface TrainedOptions {
  /**
   * The path of the weights of the recipe's whole model: safetensors, or PyTorch's if the model knows its
   * names.
   */
  readonly checkpoint: string;
  /** How the file is read. */
  readonly files: FileReader;
}

/** A network with the weights of a file. */
export interface TrainedModel extends Model {
  /** The phase that wrote the file; undefined when the file does not say. */
  readonly phase: string | undefined;
  /** The recipe's name of the network; undefined for the student. */
  readonly network: string | undefined;
}

/**
 * Makes the network that `evaluation.network` names, with its weights; the student where the recipe names
 * none or the phase that wrote the file had no such network.
 * @throws UserError when the file does not fit the plan's model, DataError when it cannot be read
 */
export async function openTrained(
  plan: RunPlan,
  { checkpoint, files }: TrainedOptions,
): Promise<TrainedModel> {
  const model = assembleModel(plan);
  try {
    const target = { plan, state: model.state, network: plan.evaluation.network };
    const { run, network } = await loadWeights(checkpoint, target, files);
    const phase = plan.phases.find(({ name }) => name === run?.phase);
    if (network === undefined && phase?.networks.some(({ name }) => name === target.network)) {
      throw new UserError(
        `${checkpoint}: holds no network "${target.network}", which evaluation.network names; ` +
          "checkpoints are without networks that training does not change",
      );
    }
    return { ...model, phase: run?.phase, network };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** An ensemble whose networks are to be freed. */
export interface OpenEnsemble {
  readonly ensemble: Ensemble;
  /** The phase that wrote the checkpoint; undefined when it does not say. */
  readonly phase: string | undefined;
  dispose(): void;
}

/**
 * Makes the network of a checkpoint, with weight 1, and those of `evaluation.ensemble`.
 * @throws UserError when a file does not fit the plan's model, DataError when it cannot be read
 */
export async function openEnsemble(plan: RunPlan, options: TrainedOptions): Promise<OpenEnsemble> {
  const model = await openTrained(plan, options);
  try {
    const members = await openMembers(plan, options.files);
    return {
      ensemble: {
        networks: [{ segmenter: model.segmenter, weight: 1 }, ...members.networks],
        network: model.network,
        featureTap: plan.model.plan.featureTap,
        alignCorners: plan.input.alignCorners,
      },
      phase: model.phase,
      dispose() {
        members.dispose();
        model.dispose();
      },
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Makes the networks of `evaluation.ensemble`; none where the recipe has no ensemble.
 * @throws as {@linkcode openEnsemble}
 */
export async function openMembers(
  plan: RunPlan,
  files: FileReader,
): Promise<{ readonly networks: Ensemble["networks"]; dispose(): void }> {
  const members: { readonly model: TrainedModel; readonly weight: number }[] = [];
  const dispose = () => members.forEach(({ model }) => model.dispose());
  try {
    for (const { checkpoint, weight } of plan.evaluation.ensemble ?? []) {
      members.push({ model: await openTrained(plan, { checkpoint, files }), weight });
    }
  } catch (error) {
    dispose();
    throw error;
  }
  const networks = members.map(({ model: { segmenter }, weight }) => ({ segmenter, weight }));
  return { networks, dispose };
}
