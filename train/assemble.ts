/**
 * From a plan to the objects of one phase.
 *
 * A plan is numbers, names and functions; it holds no tensor. Assembling calls every `create` of the plan and
 * so allocates all variables of the phase: the student, the networks beside it, the terms of the objective,
 * the streams that are computed from others, the owners (parts with parameters of their own, such as a
 * discriminator), and the optimisers of all of them. The result, a {@linkcode Run}, is what the step works
 * on.
 *
 * Its `state` lists all variables that a checkpoint must hold, in the order of the file, the student first.
 * Restoring them restores the run: whatever else decides on the next step follows from the plan and the
 * number of updates done.
 */
import { LossError, UserError } from "../core/errors.ts";
import { withFactors } from "../core/optimization.ts";
import {
  isMade,
  type MadeStream,
  type Normalization,
  type PhasePlan,
  type PlannedLoss,
  type PlannedNetwork,
  type PlannedPart,
  type RunPlan,
} from "../core/plan.ts";
import type { LossTerm, OptimizedParam, Optimizer, Param, Segmenter, Setup, Stream } from "../core/plugin.ts";
import { planUpdates, readStreams, type UpdatePlan } from "../core/step_plan.ts";
import { suggestion } from "../core/suggest.ts";
import { STUDENT } from "../core/term.ts";
import { messageOf } from "../core/words.ts";
import { describePlanned } from "./loss_errors.ts";
import { ownersOf, type OwnerTools, type RunOwner } from "./owners.ts";
import { bufferState, isSaved, modelState, ownerState, slotState, type StateEntry } from "./state.ts";
import { Variables } from "./variables.ts";

/** A network alone, for evaluation. */
export interface Model {
  readonly segmenter: Segmenter;
  readonly state: readonly StateEntry[];
  dispose(): void;
}

/** A term of the objective with what belongs to it. */
export interface Term {
  readonly planned: PlannedLoss;
  readonly term: LossTerm;
  readonly owners: readonly RunOwner[];
}

/** A stream that is made from others, with what belongs to it. */
export interface RunStream {
  readonly planned: MadeStream;
  readonly stream: Stream;
  readonly owners: readonly RunOwner[];
}

/** A network beside the student. */
export interface RunNetwork {
  readonly planned: PlannedNetwork;
  readonly segmenter: Segmenter;
}

/** Everything a training step needs. */
export interface Run {
  readonly segmenter: Segmenter;
  /** All networks but the student, by name. */
  readonly networks: ReadonlyMap<string, RunNetwork>;
  readonly terms: readonly Term[];
  /** The streams that are computed from others, by name; streams that loaders read are not in it. */
  readonly streams: ReadonlyMap<string, RunStream>;
  readonly optimizer: Optimizer;
  /** The updates of a step, in order. */
  readonly updates: readonly UpdatePlan[];
  /** The streams that loaders must read. */
  readonly reads: readonly string[];
  readonly phase: PhasePlan;
  readonly seed: number;
  readonly ignoreLabel: number;
  readonly normalization: Normalization;
  readonly numClasses: number;
  readonly alignCorners: boolean;
  /** All variables of a checkpoint, in the order of its file: the student first. */
  readonly state: readonly StateEntry[];
  dispose(): void;
}

/**
 * Makes the student of a plan, with initial weights that follow from the plan's seed.
 * @throws whatever the model's `create` throws; nothing stays allocated then
 */
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
 * Makes everything that a phase trains. The student's initial weights depend on the plan's seed only, not on
 * the losses, so two recipes that differ in a loss start from the same student.
 * @throws LossError when a term, a stream or a network cannot be created; UserError when `optimizer.groups`
 * names a group that the network does not have. Nothing stays allocated then
 */
export function assemble(plan: RunPlan, phase: PhasePlan): Run {
  const model = assembleModel(plan);
  const variables = new Variables();
  const dispose = () => {
    variables.dispose();
    model.dispose();
  };
  try {
    const numbers = numbersOf(plan);
    const { segmenter } = model;
    const params = groupedParams(segmenter.params, phase);
    const optimizer = phase.optimizer.create(params, variables.setup("optimizer", numbers));
    const networks = new Map(phase.networks.map((planned) => {
      const setup = variables.setup(`network "${planned.name}"`, numbers);
      const create = () => planned.model.create(planned.plan.trainable ? setup : untrained(setup));
      return [planned.name, { planned, segmenter: created("network", planned, create) }];
    }));
    const shared = {
      classes: plan.labelSpace.classes,
      taps: plan.model.plan.taps(numbers.numClasses),
      alignCorners: plan.input.alignCorners ?? false,
      hides: plan.model.plan.hides ?? false,
    };
    const tools: OwnerTools = { variables, numbers, networks };
    const terms = phase.losses.map((planned): Term => {
      const setup = variables.setup(`loss "${planned.name}"`, numbers);
      return created("loss", planned, () => {
        const term = planned.plan.create({ ...setup, ...shared });
        return { planned, term, owners: ownersOf(tools, { kind: "loss", planned, part: term }) };
      });
    });
    const streams = new Map(
      phase.streams.filter(isMade).map((planned) => {
        const setup = variables.setup(`stream "${planned.name}"`, numbers);
        return [
          planned.name,
          created("stream", planned, (): RunStream => {
            const stream = planned.plan.create({ ...setup, ...shared });
            return { planned, stream, owners: ownersOf(tools, { kind: "stream", planned, part: stream }) };
          }),
        ];
      }),
    );
    return {
      segmenter,
      networks,
      terms,
      streams,
      optimizer,
      updates: planUpdates(phase),
      reads: readStreams(phase),
      phase,
      seed: plan.seed,
      ignoreLabel: plan.labelSpace.ignore,
      normalization: plan.input.normalization,
      numClasses: numbers.numClasses,
      alignCorners: shared.alignCorners,
      state: [
        ...model.state,
        ...slotState("optimizer", optimizer),
        ...terms.flatMap(({ planned, term, owners }) => [
          ...bufferState(`loss/${planned.name}`, term),
          ...ownerState(`player/${planned.name}`, owners),
        ]),
        ...[...streams.values()].flatMap(({ planned, stream, owners }) => [
          ...bufferState(`stream/${planned.name}`, stream),
          ...ownerState(`stream/${planned.name}/owner`, owners),
        ]),
        ...[...networks.values()].filter(({ planned }) => isSaved(planned.plan)).flatMap((
          { planned, segmenter },
        ) => modelState(segmenter, `network/${planned.name}/`)),
      ],
      dispose,
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** The network of that name; "student" is the student. @throws LossError when there is none */
export function networkOf({ segmenter, networks }: Run, name: string): Segmenter {
  const network = name === STUDENT ? segmenter : networks.get(name)?.segmenter;
  if (network) return network;
  throw new LossError(`there is no network "${name}"${suggestion(name, [STUDENT, ...networks.keys()])}`);
}

/** A setup whose variables get no gradient. */
function untrained(setup: Setup): Setup {
  return { ...setup, variable: (name, initial) => setup.variable(name, initial, false) };
}

function numbersOf(plan: RunPlan) {
  return { seed: plan.seed, numClasses: plan.labelSpace.classes.length };
}

/** Parameters with the factors of `optimizer.groups`. @throws UserError when no parameter is in a group */
function groupedParams(params: readonly Param[], { groups }: PhasePlan): readonly OptimizedParam[] {
  for (const one of groups) {
    if (withFactors(params, [one]).some((param) => param.rate !== undefined)) continue;
    const known = [...new Set(params.map(({ group }) => group))];
    throw new UserError(
      `optimizer.groups: no parameter is of the group "${one.group}"${suggestion(one.group, known)}`,
    );
  }
  return withFactors(params, groups);
}

/** What `make` returns. @throws LossError that names the part of the recipe, for whatever `make` throws */
function created<T>(kind: "loss" | "stream" | "network", planned: PlannedPart, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const who = describePlanned(kind, planned);
    throw new LossError(`${who} could not be created: ${messageOf(cause)}`, { cause });
  }
}
