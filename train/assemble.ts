/**
 * From a plan to the objects of one phase: the network, those beside it, the terms of the objective, the streams that are
 * made, and whatever they own with its optimisers.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { LossError, UserError } from "../core/errors.ts";
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
import type {
  LossTerm,
  NetworkPlan,
  OptimizedParam,
  Optimizer,
  Owned,
  Owner,
  OwnerPlan,
  Param,
  Segmenter,
  Setup,
  Stream,
} from "../core/plugin.ts";
import { withFactors } from "../core/optimization.ts";
import { suggestion } from "../core/suggest.ts";
import { planUpdates, readStreams, type UpdatePlan } from "../core/step_plan.ts";
import { STUDENT } from "../core/term.ts";
import { describePlanned, messageOf } from "./loss_errors.ts";
import { Variables } from "./variables.ts";

/** A variable that goes into the checkpoint. */
export interface StateEntry {
  /** Its name in the file. */
  readonly name: string;
  readonly variable: tf.Variable;
  /** Stored OIHW, while the variable is HWIO. */
  readonly filter: boolean;
  /** Whatever its plugin makes of it: values need not be finite. */
  readonly free?: boolean;
}

/** A network alone, for evaluation. */
export interface Model {
  readonly segmenter: Segmenter;
  readonly state: readonly StateEntry[];
  dispose(): void;
}

/** An owner with its optimiser. */
export interface RunOwner {
  readonly plan: OwnerPlan;
  /** `<term>/<owner>`, as its value is logged. */
  readonly name: string;
  /** For errors. */
  readonly who: string;
  readonly params: readonly Param[];
  readonly optimizer: Optimizer;
  /** Absent for `joint` ones. */
  readonly compute: Owner["compute"];
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
  /** By name, the student left out. */
  readonly networks: ReadonlyMap<string, RunNetwork>;
  readonly terms: readonly Term[];
  /** By name; those that loaders read left out. */
  readonly streams: ReadonlyMap<string, RunStream>;
  readonly optimizer: Optimizer;
  /** What a step does, in order. */
  readonly updates: readonly UpdatePlan[];
  /** Streams that loaders must read. */
  readonly reads: readonly string[];
  /** Gives the multiplier of owners that have no schedule of their own. */
  readonly phase: PhasePlan;
  readonly seed: number;
  readonly ignoreLabel: number;
  readonly normalization: Normalization;
  readonly numClasses: number;
  readonly alignCorners: boolean;
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
 * Makes what a phase trains. The network's initial weights depend on the plan's seed only, not on the losses.
 * @throws LossError when a term, a stream or a network cannot be created; UserError when `optimizer.groups` names a
 * group that the network does not have
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
      const made = () => planned.model.create(planned.plan.trainable ? setup : untrained(setup));
      return [planned.name, { planned, segmenter: created("network", planned, made) }];
    }));
    const shared = {
      classes: plan.labelSpace.classes,
      taps: plan.model.plan.taps(numbers.numClasses),
      alignCorners: plan.input.alignCorners ?? false,
      hides: plan.model.plan.hides ?? false,
    };
    const maker: Maker = { variables, numbers, networks };
    const terms = phase.losses.map((planned): Term => {
      const setup = variables.setup(`loss "${planned.name}"`, numbers);
      return created("loss", planned, () => {
        const term = planned.plan.create({ ...setup, ...shared });
        return { planned, term, owners: ownersOf(maker, { kind: "loss", planned, made: term }) };
      });
    });
    const streams = new Map(
      phase.streams.filter(isMade).map((planned) => {
        const setup = variables.setup(`stream "${planned.name}"`, numbers);
        return [
          planned.name,
          created("stream", planned, (): RunStream => {
            const stream = planned.plan.create({ ...setup, ...shared });
            return { planned, stream, owners: ownersOf(maker, { kind: "stream", planned, made: stream }) };
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

/** The network of a name; the student included. @throws LossError when there is none */
export function networkOf({ segmenter, networks }: Run, name: string): Segmenter {
  const found = name === STUDENT ? segmenter : networks.get(name)?.segmenter;
  if (found) return found;
  throw new LossError(`there is no network "${name}"${suggestion(name, [STUDENT, ...networks.keys()])}`);
}

/** No gradient is computed for what this makes. */
function untrained(setup: Setup): Setup {
  return { ...setup, variable: (name, initial) => setup.variable(name, initial, false) };
}

/** Whether a network is in the checkpoints, because it cannot be had again: a frozen one is read from its file. */
export function isSaved({ start, changes, trainable, ownStatistics, update, follow }: NetworkPlan): boolean {
  return start === "student" || [changes, trainable, ownStatistics, update, follow].some(Boolean);
}

function numbersOf(plan: RunPlan) {
  return { seed: plan.seed, numClasses: plan.labelSpace.classes.length };
}

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

function created<T>(kind: "loss" | "stream" | "network", planned: PlannedPart, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const who = describePlanned(kind, planned);
    throw new LossError(`${who} could not be created: ${messageOf(cause)}`, { cause });
  }
}

interface Maker {
  readonly variables: Variables;
  readonly numbers: { readonly seed: number; readonly numClasses: number };
  readonly networks: ReadonlyMap<string, RunNetwork>;
}

interface OwnedBy {
  readonly kind: "loss" | "stream";
  readonly planned: PlannedLoss | MadeStream;
  readonly made: Owned;
}

function ownersOf({ variables, numbers, networks }: Maker, { kind, planned, made }: OwnedBy): RunOwner[] {
  if ("players" in made) {
    throw new Error(
      'it returns "players"; they are declared as "owners" in the plan now (docs/extending.md)',
    );
  }
  const plans = planned.plan.owners ?? [];
  const given = made.owners ?? {};
  const extra = Object.keys(given).find((name) => !plans.some((plan) => plan.name === name));
  if (extra !== undefined) throw new Error(`its plan declares no owner "${extra}"`);
  return plans.map((plan) => {
    const { name, trains, when = "after" } = plan;
    if (kind === "stream" && when !== "joint") {
      throw new Error(`its owner "${name}" must be joint: nothing calls a stream ${when} the update`);
    }
    const network = trains === undefined ? undefined : networks.get(trains);
    if (network && !network.planned.plan.trainable) {
      throw new Error(`its owner "${name}" trains the network "${trains}", which is not trainable`);
    }
    const owner = given[name];
    const params = trains === undefined ? owner?.params : network?.segmenter.params;
    if (!params) throw new Error(`it made no parameters for its owner "${name}"`);
    if (when !== "joint" && !owner?.compute) throw new Error(`it made no compute for its owner "${name}"`);
    const prefix = `${kind} "${planned.name}", optimizer of ${name}`;
    return {
      plan,
      name: `${planned.name}/${name}`,
      who: `owner "${name}" of ${describePlanned(kind, planned)}`,
      params,
      optimizer: plan.optimizer.create(params, variables.setup(prefix, numbers)),
      compute: owner?.compute?.bind(owner),
    };
  });
}

/** A network's variables, in state-dict order. */
export function modelState({ params, buffers }: Segmenter, prefix = ""): StateEntry[] {
  return [
    ...params.map(({ name, value }) => entry(prefix + name, value)),
    ...Object.entries(buffers).map(([name, variable]) => entry(prefix + name, variable)),
  ];
}

function slotState(prefix: string, optimizer: Optimizer): StateEntry[] {
  return Object.entries(optimizer.slots).map(([name, variable]) => entry(`${prefix}/${name}`, variable));
}

/** A plugin's own buffers may have any meaning, so they are stored as they are. */
function bufferState(prefix: string, { buffers = {} }: Owned): StateEntry[] {
  return Object.entries(buffers).map(([name, variable]) => ({
    name: `${prefix}/${name}`,
    variable,
    filter: false,
    free: true,
  }));
}

function ownerState(prefix: string, owners: readonly RunOwner[]): StateEntry[] {
  return owners.flatMap(({ plan, params, optimizer }) => [
    // Those of a network of the recipe are saved with it.
    ...plan.trains === undefined
      ? params.map(({ name, value }) => entry(`${prefix}/${plan.name}/${name}`, value))
      : [],
    ...slotState(`${prefix}/${plan.name}/optimizer`, optimizer),
  ]);
}

function entry(name: string, variable: tf.Variable): StateEntry {
  return { name, variable, filter: variable.rank === 4 };
}
