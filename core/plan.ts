/**
 * A recipe after validation: every plugin planned, nothing allocated, no file of the data read.
 *
 * The plan is the border between reading and doing. Before it there are YAML, positions and defaults; behind
 * it there are only values of one form, in `camelCase`, checked against each other. `train/` takes a
 * plan and never sees a recipe, so what a recipe may look like can change without them.
 *
 * A plan holds functions (each plugin's `create`, `open`, `run`) and so cannot be sent to another thread or
 * written to a file. What can is {@linkcode RunPlan.resolved}: the recipe from which the same plan can be
 * made again.
 *
 * This file has the run and its phases; the sections have files of their own, which it exports again:
 * evaluation_plan.ts, input_plan.ts, planned_parts.ts and training_plan.ts.
 */
import type { EvaluationPlan } from "./evaluation_plan.ts";
import type { InputPlan } from "./input_plan.ts";
import type { LabelSpace } from "./label_space.ts";
import type {
  PlannedJob,
  PlannedLoss,
  PlannedModel,
  PlannedNetwork,
  PlannedPart,
  PlannedStream,
} from "./planned_parts.ts";
import type { DatasetPlan, GroupFactors, OptimizerPlan, Plugin, SchedulePlan } from "./plugin.ts";
import type { TrainingPlan } from "./training_plan.ts";

export type * from "./evaluation_plan.ts";
export type * from "./input_plan.ts";
export * from "./planned_parts.ts";
export * from "./training_plan.ts";

/** The names of tensor backends; `backends/mod.ts` has what each is. */
export type BackendName = "native" | "tensorflow" | "wasm" | "webgpu" | "cpu";

/** What `eval --split` accepts. `train` is the labelled source. */
export type Split = "train" | "val" | "test";

/** In how many bits maps are kept for the gradient: 32 or 16. */
export type Precision = "full" | "half";

/** Everything that a run is made from. Made by `loadRecipe` (config/load.ts). */
export interface RunPlan {
  /** From the recipe; names the run folder. */
  readonly name: string;
  /** Everything random follows from it. */
  readonly seed: number;
  /** Where tensors live; `auto` decides when the run starts. */
  readonly backend: BackendName | "auto";
  /** Bytes that tensors may take in all, where the backend moves them; absent: what the machine has free. */
  readonly memory?: number;
  /** Absent: `full`. */
  readonly precision?: Precision;
  /** The classes of source and evaluation. */
  readonly labelSpace: LabelSpace;
  /** Source, target and the splits to evaluate. */
  readonly data: DataPlan;
  /** How images become batches. */
  readonly input: InputPlan;
  /** The network. */
  readonly model: PlannedModel;
  /** What is trained, one after the other; at least one. The last is the run's result. */
  readonly phases: readonly PhasePlan[];
  /** How predictions are compared with labels. */
  readonly evaluation: EvaluationPlan;
  /** What the objective is known as; absent: it has no name but the recipe's. */
  readonly method?: MethodPlan;
  /** What is written for TensorBoard; absent: nothing. */
  readonly logs?: LogsPlan;
  /** The recipe after `extends:` and `--set`, defaults filled in; written to the run folder. */
  readonly resolved: Readonly<Record<string, unknown>>;
}

/** What an objective is known as, for tables. */
export interface MethodPlan {
  /** As in `AdaptSeg`. */
  readonly title: string;
  /** `AT`, adversarial training, or `ST`, self-training; absent: neither. */
  readonly kind?: string | undefined;
  /** Whether details of it were never published. */
  readonly unofficial: boolean;
  /** Who published it. */
  readonly source?: string | undefined;
  /** Its name in Tables 2 and 3 of Kang et al. 2020; absent: they do not have it. */
  readonly paper?: string | undefined;
}

/** What is written for TensorBoard beside the scalars. */
export interface LogsPlan {
  /** Images of every validation, the first ones, with labels and predictions; 0: none. */
  readonly images: number;
  /** Steps between distributions of all weights; 0: none. */
  readonly histograms: number;
}

/**
 * A part of a run that minimises one objective from its first step to its last. A plain recipe has one; a
 * baseline is one before it; rounds of self-training are several, each from the weights of the one before.
 */
export interface PhasePlan {
  /** Unique in the run; events, checkpoints and results carry it. */
  readonly name: string;
  /** Whether it is the recipe's `baseline`: trained to compare with, from the seed. */
  readonly baseline?: boolean;
  /** Where its weights come from. */
  readonly from: PhaseStart;
  /** Done once before its first step, in this order. */
  readonly before: readonly PlannedJob[];
  /** Every stream that is read, or may be, in the order in which views of them are made. */
  readonly streams: readonly PlannedStream[];
  /** Networks beside the student, in recipe order. */
  readonly networks: readonly PlannedNetwork[];
  /** The objective: the weighted sum of these. */
  readonly losses: readonly PlannedLoss[];
  /** How the network's weights are updated. */
  readonly optimizer: OptimizerPlan;
  /** Factors on rate and decay by parameter group. */
  readonly groups: readonly GroupFactors[];
  /** The learning rate over time. */
  readonly schedule: SchedulePlan;
  /** Lengths and intervals. */
  readonly training: TrainingPlan;
  /**
   * Begins the names of the phase's random streams, so that it sees other images and draws other numbers than
   * the phases before it. Absent for the first phase, and for a baseline, which must see the same images as
   * the run it is compared with.
   */
  readonly draws?: string;
}

/**
 * The name of a phase's random stream, for `Random.stream`: `name`, or `draws/name` where the phase draws its
 * own.
 */
export function drawnName({ draws }: Pick<PhasePlan, "draws">, name: string): string {
  return draws === undefined ? name : `${draws}/${name}`;
}

/**
 * What a phase starts from: the seed (with `model.weights`, where the recipe has it), a phase before it, or a
 * file.
 */
export type PhaseStart =
  | { readonly kind: "seed" }
  | { readonly kind: "phase"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

/** The phase that a run is judged by: the last. */
export function lastPhase({ phases }: Pick<RunPlan, "phases">): PhasePlan {
  return phases.at(-1)!;
}

/** The most phases that a recipe may list; a baseline is not counted. */
export const MOST_PHASES = 64;

/** Everything of a phase that a plugin makes: its losses, streams, networks and jobs. */
export function plannedParts({ losses, streams, networks, before }: PhasePlan): readonly PlannedPart[] {
  return [...losses, ...streams, ...networks, ...before];
}

/** The datasets of a run. */
export interface DataPlan {
  /** Absolute; "" when no dataset needs one. */
  readonly root: string;
  /** Labelled; trained on. */
  readonly source: DatasetPlan;
  /** Trained on without its labels. */
  readonly target: DatasetPlan;
  /** `train` is the labelled source; `val` and `test` are there when the recipe names them. */
  readonly splits: Readonly<Partial<Record<Split, DatasetPlan>>>;
  /**
   * What the datasets were planned from, so that a worker can make them again; those without are read on the
   * main thread.
   */
  readonly origins?: ReadonlyMap<DatasetPlan, DatasetOrigin>;
}

/**
 * What a dataset was planned from: enough for a worker thread, which cannot be sent a plan, to plan it again.
 */
export interface DatasetOrigin {
  /** What planned it. */
  readonly plugin: Plugin<"dataset">;
  /** As the recipe writes them: plain values. */
  readonly options: unknown;
}
