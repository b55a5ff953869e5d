/** From a plan to the objects of one run: the network, the terms of the objective, their opponents, the optimisers. */
import type * as tf from "@tensorflow/tfjs-core";
import { LossError } from "../core/errors.ts";
import type { PlannedLoss, RunPlan } from "../core/plan.ts";
import type { LossTerm, Optimizer, Param, Player, Segmenter } from "../core/plugin.ts";
import { describeLoss, messageOf } from "./loss_errors.ts";
import { Variables } from "./variables.ts";

/** A variable that goes into the checkpoint. */
export interface StateEntry {
  /** Its name in the file. */
  readonly name: string;
  readonly variable: tf.Variable;
  /** Stored OIHW, while the variable is HWIO. */
  readonly filter: boolean;
}

/** A network alone, for evaluation. */
export interface Model {
  readonly segmenter: Segmenter;
  readonly state: readonly StateEntry[];
  dispose(): void;
}

/** A term's opponent with its optimiser. */
export interface Opponent {
  readonly player: Player;
  readonly optimizer: Optimizer;
}

/** A term of the objective with what belongs to it. */
export interface Term {
  readonly planned: PlannedLoss;
  readonly term: LossTerm;
  readonly opponents: readonly Opponent[];
}

/** Everything a training step needs. */
export interface Run {
  readonly segmenter: Segmenter;
  readonly terms: readonly Term[];
  readonly optimizer: Optimizer;
  /** Some term reads the target pass. */
  readonly needsTarget: boolean;
  readonly ignoreLabel: number;
  /** In the order of the checkpoint file: the network first. */
  readonly state: readonly StateEntry[];
  dispose(): void;
}

/** Makes the network of a plan, initialised from the plan's seed. */
export function assembleModel(plan: RunPlan): Model {
  const variables = new Variables();
  try {
    const segmenter = plan.model.plan.create(variables.setup("model", numbersOf(plan)));
    return { segmenter, state: modelState(segmenter), dispose: () => variables.dispose() };
  } catch (error) {
    variables.dispose();
    throw error;
  }
}

/**
 * Makes a run that minimises `losses`. The network's initial weights depend on the plan's seed only, not on the
 * losses. @throws LossError when a term cannot be created
 */
export function assemble(plan: RunPlan, losses: readonly PlannedLoss[]): Run {
  const model = assembleModel(plan);
  const variables = new Variables();
  const dispose = () => {
    variables.dispose();
    model.dispose();
  };
  try {
    const optimizer = plan.optimizer.create(
      model.segmenter.params,
      variables.setup("optimizer", numbersOf(plan)),
    );
    const terms = losses.map((planned) => createTerm(plan, planned, variables));
    return {
      segmenter: model.segmenter,
      terms,
      optimizer,
      needsTarget: losses.some(({ plan }) => plan.needs.target !== false),
      ignoreLabel: plan.labelSpace.ignore,
      state: [...model.state, ...slotState("optimizer", optimizer), ...terms.flatMap(termState)],
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

function numbersOf(plan: RunPlan) {
  return { seed: plan.seed, numClasses: plan.labelSpace.classes.length };
}

function createTerm(plan: RunPlan, planned: PlannedLoss, variables: Variables): Term {
  const numbers = numbersOf(plan);
  const setup = variables.setup(`loss "${planned.name}"`, numbers);
  if (planned.plan.needs.teacher) {
    throw new LossError(`${describeLoss(planned)} asks for a teacher, but this trainer keeps none`);
  }
  try {
    const term = planned.plan.create({ ...setup, taps: plan.model.plan.taps(numbers.numClasses) });
    const opponents = (term.players ?? []).map((player) => {
      const prefix = `loss "${planned.name}", optimizer of ${player.name}`;
      return { player, optimizer: player.optimizer.create(player.params, variables.setup(prefix, numbers)) };
    });
    return { planned, term, opponents };
  } catch (cause) {
    throw new LossError(`${describeLoss(planned)} could not be created: ${messageOf(cause)}`, { cause });
  }
}

/** A network's variables, in state-dict order. */
export function modelState({ params, buffers }: Segmenter): StateEntry[] {
  return [
    ...params.map(paramState("")),
    ...Object.entries(buffers).map(([name, variable]) => entry(name, variable)),
  ];
}

function paramState(prefix: string): (param: Param) => StateEntry {
  return ({ name, value }) => entry(prefix + name, value);
}

function slotState(prefix: string, optimizer: Optimizer): StateEntry[] {
  return Object.entries(optimizer.slots).map(([name, variable]) => entry(`${prefix}/${name}`, variable));
}

function termState({ planned, term, opponents }: Term): StateEntry[] {
  return [
    // A term's own buffers may have any meaning, so they are stored as they are.
    ...Object.entries(term.buffers ?? {}).map(([name, variable]) => ({
      name: `loss/${planned.name}/${name}`,
      variable,
      filter: false,
    })),
    ...opponents.flatMap(({ player, optimizer }) => {
      const prefix = `player/${planned.name}/${player.name}/`;
      return [
        ...player.params.map(paramState(prefix)),
        ...slotState(`${prefix}optimizer`, optimizer),
      ];
    }),
  ];
}

function entry(name: string, variable: tf.Variable): StateEntry {
  return { name, variable, filter: variable.rank === 4 };
}
