/** The vocabulary of plugins: what a recipe names, what it is planned into, what the run creates from it. */
import type { Scalar, Tensor, Tensor3D, Tensor4D, Variable } from "./tensors.ts";
import type { DatasetPlan } from "./dataset.ts";
import type { ConfigPath } from "./errors.ts";
import type { OptionsSchema } from "./schema.ts";
import type { WeightNames } from "./weights.ts";

export type { AbsenceHint, Dataset, DatasetPlan, DatasetSetup, FileReader, Sample } from "./dataset.ts";

/** What each plugin kind turns its options into. Adding a kind means adding a line here. */
export interface PlanOf {
  /** A term of the objective. */
  loss: LossPlan;
  /** A network. */
  model: ModelPlan;
  /** A source of images and labels. */
  dataset: DatasetPlan;
  /** A way to compare pixels. */
  similarity: Similarity;
  /** An optimiser. */
  optimizer: OptimizerPlan;
  /** A learning rate over time. */
  schedule: SchedulePlan;
}

/** The kinds of plugin. */
export type Kind = keyof PlanOf;

/** Every kind, in the order `plca list` shows them. */
export const KINDS: readonly Kind[] = ["loss", "similarity", "model", "dataset", "optimizer", "schedule"];

/** A plugin: what a recipe names, and how its options become a plan. */
export interface Plugin<K extends Kind = Kind, O = Parsed> {
  /** What it is; decides what `plan` returns. */
  readonly kind: K;
  /** Kebab-case; the `type:` in YAML. */
  readonly name: string;
  /** One line, shown by `plca list`. */
  readonly summary: string;
  /** Where the method comes from, e.g. "Kang et al. 2020, Eq. 3-6". */
  readonly source?: string;
  /** A strict zod object; every key has a description and a default unless it must be given. */
  readonly options: OptionsSchema<O>;
  /**
   * Pure: no I/O, no tensors. Call it through {@linkcode PluginLookup}`.plan`, which reads the options first.
   * @param options what the schema made of them @param at their position in the recipe @throws ConfigError
   */
  plan(options: O, at: ConfigPath, registry: PluginLookup): PlanOf[K];
}

declare const parsed: unique symbol;

/** Options as their schema returned them; what type they have, only their plugin knows. */
export interface Parsed {
  readonly [parsed]: true;
}

/** A plugin as a recipe names it: by its name alone, or with options. */
export type PluginChoice = string | PluginMapping;

/** Exactly one of `type` and `use`. */
export interface PluginMapping {
  /** The plugin's name. */
  readonly type?: string;
  /** The file that defines it, absolute; only what plans recipes knows files. */
  readonly use?: string;
  /** Absent: all defaults. */
  readonly options?: unknown;
}

/** How a plugin reaches another one, e.g. `association` its similarity. */
export interface PluginLookup {
  /**
   * Finds the plugin, reads its options and plans it.
   * @param at position of the choice in the recipe; default: the whole
   * @throws ConfigError naming the position of each mistake; of an unknown name, the nearest known one
   */
  plan<K extends Kind>(kind: K, choice: PluginChoice, at?: ConfigPath): PlanOf[K];
}

/** Checks the types of a plugin and seals that of its options, so that a registry can hold it next to others. */
export function definePlugin<K extends Kind, O>(plugin: Plugin<K, O>): Plugin<K> {
  return plugin as unknown as Plugin<K>;
}

// --- models -----------------------------------------------------------------------------------------------

/** One place in the network that losses may read. */
export interface TapInfo {
  /** Values per pixel. */
  readonly channels: number;
  /** Input pixels per tap pixel along each side. */
  readonly stride: number;
  /** `simplex`: channels are >= 0 and sum to 1 at every pixel. */
  readonly space: "real" | "simplex";
}

/** A model whose options are valid; nothing is allocated yet. */
export interface ModelPlan {
  /** Known before any weight exists, so a wrong tap name fails when the recipe is read. */
  taps(numClasses: number): Readonly<Record<string, TapInfo>>;
  /** The tap that {@linkcode Segmenter.classify} accepts and that aggregation at inference works on. */
  readonly featureTap: string;
  /** How published files name its tensors; absent: files must use its own names. */
  readonly weightNames?: WeightNames;
  /** Allocates the network, initialised from `setup.seed`. */
  create(setup: Setup): Segmenter;
}

/** What a plugin may use when it builds itself. Everything it allocates is named and owned by the run. */
export interface Setup {
  /** The run's seed; everything drawn from it repeats. */
  readonly seed: number;
  /** Classes the network tells apart, the ignore label not among them. */
  readonly numClasses: number;
  /** Makes a variable the run owns; tfjs rejects a name used twice in a process, so plugins never name their own. */
  variable(name: string, initial: Tensor, trainable?: boolean): Variable;
}

/** A network that labels pixels. */
export interface Segmenter {
  /** In state-dict order. */
  readonly params: readonly Param[];
  /** Non-trainable state by state-dict name (running statistics). Rank-4 tensors are HWIO. */
  readonly buffers: Readonly<Record<string, Variable>>;
  /**
   * Runs the network on a batch.
   * @param images float32 [N, H, W, 3], normalised as the recipe's `input.normalization` says.
   * With `training`, batch-norm uses and records the batch's statistics if its policy is `train`.
   */
  forward(images: Tensor4D, mode: ForwardMode): View;
  /**
   * The same for several batches of equal height and width, as if `forward` were called with one after the other, each with
   * its own batch statistics: larger products are faster. Absent where a network cannot.
   * @param mode `taps` are those that the views need beside `logits`; others may be left out
   */
  forwardTogether?(
    batches: readonly Tensor4D[],
    mode: { readonly training: boolean; readonly taps: readonly string[] },
  ): readonly View[];
  /** float32 [N, h, w, C] of the feature tap to logits [N, h, w, K]. */
  classify(features: Tensor4D): Tensor4D;
}

/** How a forward pass is made. */
export interface ForwardMode {
  /** Whether batch statistics are used and recorded. */
  readonly training: boolean;
  /** Which images they are; for batch-norm policies that tell domains apart. */
  readonly domain: Domain;
}

/** A trainable variable and how to optimise it. */
export interface Param {
  /** The state-dict name, e.g. `backbone.layer1.0.conv1.weight`. Rank-4 tensors are HWIO. */
  readonly name: string;
  /** The weights; rank-4 ones are HWIO. */
  readonly value: Variable;
  /** Selects the learning-rate multiplier, e.g. "backbone" or "head". */
  readonly group: string;
}

/** Which side of the adaptation an image comes from. */
export type Domain = "source" | "target";

/** One forward pass. Tensors belong to the caller's tidy scope. */
export interface View {
  /** float32 [N, h, w, K], before softmax */
  readonly logits: Tensor4D;
  /** By tap name; `logits` and `probabilities` included. */
  readonly taps: Readonly<Record<string, Tensor4D>>;
}

// --- losses -----------------------------------------------------------------------------------------------

/** A tap that a loss reads. */
export interface TapNeed {
  /** A tap of the model, as in `layer4`. */
  readonly name: string;
  /** Refuse a tap of another space. */
  readonly space?: TapInfo["space"];
  /** Where the recipe names it, for the error; absent: the options of the loss. */
  readonly at?: ConfigPath;
}

/** A loss whose options are valid; nothing is allocated yet. */
export interface LossPlan {
  /** What the trainer must compute for it. */
  readonly needs: {
    readonly taps: readonly TapNeed[];
    /** Ask for {@linkcode StepContext.source}`.upsampled`. */
    readonly labelResolution?: boolean;
    /** Ask for the target pass even when no tap of it is read; absent means true. */
    readonly target?: boolean;
    readonly teacher?: boolean;
  };
  /** Where it associates source pixels with target pixels, for who wants to look at that; absent: nowhere. */
  readonly association?: readonly AssociationLevel[];
  /** Allocates what the term owns. */
  create(setup: LossSetup): LossTerm;
}

/** A place in the network where a term associates pixels by cycles (Kang et al. 2020), and how. */
export interface AssociationLevel {
  /** Unique in its term, as in `layer4`. */
  readonly label: string;
  /** The tap whose pixels are compared. */
  readonly tap: string;
  /** How two pixels are compared. */
  readonly similarity: Similarity;
  /** What the recipe calls it. */
  readonly similarityName: string;
  /** Whether similarities are contrast-normalised before the softmax (Eq. 4). */
  readonly contrast: boolean;
  /** How the target's pixels are mixed before they are compared (Eq. 7-9); absent: not at all. */
  readonly aggregation?: LevelAggregation;
}

/** Spatial aggregation of a level's target. */
export interface LevelAggregation {
  /** Share of the aggregated value, in [0, 1]. */
  readonly alpha: number;
  /** Whether its similarities are contrast-normalised. */
  readonly contrast: boolean;
}

/** What a loss may use when it builds itself. */
export interface LossSetup extends Setup {
  /** Every tap of the run's model, by name. */
  readonly taps: Readonly<Record<string, TapInfo>>;
}

/** A term of the objective, made for one run. */
export interface LossTerm {
  /**
   * The scalar this term asks the segmenter to reduce. Runs while gradients are recorded: synchronous, no `data()`,
   * no variable writes.
   */
  compute(ctx: StepContext): LossOutput;
  /** Trainable opponents (discriminators, critics), each with its own optimiser. */
  readonly players?: readonly Player[];
  /** Persistent non-trainable state for the checkpoint (running thresholds, counters). */
  readonly buffers?: Readonly<Record<string, Variable>>;
  /** What it does between steps. */
  readonly hooks?: Hooks;
}

/** What a term returns for one step. */
export interface LossOutput {
  /** float32, finite; 0 when there is nothing to learn from. */
  readonly loss: Scalar;
  /** Extra scalars to log; never differentiated. */
  readonly logs?: Readonly<Record<string, Scalar>>;
  /** Tensors the players need; the trainer keeps them, detaches them and frees them. */
  readonly handoff?: Readonly<Record<string, Tensor>>;
}

/** An opponent with its own step after the segmenter's. */
export interface Player {
  /** Unique in its term. */
  readonly name: string;
  /** What its optimiser updates. */
  readonly params: readonly Param[];
  /** How it learns; planned with the term. */
  readonly optimizer: OptimizerPlan;
  /** Minimised over `params` only; gradients cannot reach the segmenter. */
  compute(handoff: Readonly<Record<string, Tensor>>): LossOutput;
}

/** What a term sees of one step. */
export interface StepContext {
  /** Counts from 0. */
  readonly step: number;
  /** Total steps of the run. */
  readonly steps: number;
  /** The id in `source.labels` that counts nowhere. */
  readonly ignoreLabel: number;
  /** The labelled pass. */
  readonly source: SourceView;
  /** Same batch size as the source; absent only when every term's `needs.target` is false. */
  readonly target?: View;
  /** Predictions of the averaged teacher on the target images; present when `needs.teacher` is true. */
  readonly teacher?: View;
}

/** The source pass and its labels. */
export interface SourceView extends View {
  /** int32 [N, H, W] train ids, `ignoreLabel` where unlabelled */
  readonly labels: Tensor3D;
  /** float32 [N, H, W, K]: logits resized bilinearly to the labels; present when a term asked (`labelResolution`). */
  readonly upsampled?: Tensor4D;
}

/** Called between steps, outside any gradient scope, in recipe order. May be async. */
export interface Hooks {
  /** After every update. */
  stepEnd?(state: StepState): void | Promise<void>;
}

/** Where a run stands. */
export interface StepState {
  /** The step just made, counted from 0. */
  readonly step: number;
  /** Total steps of the run. */
  readonly steps: number;
  /** Fires when the run is told to stop. */
  readonly signal: AbortSignal;
}

/** A way to compare pixels. */
export interface Similarity {
  /** Which taps it is defined on. */
  readonly accepts: TapInfo["space"];
  /** Whether D(a, b) = D(b, a), so that one product serves both directions. */
  readonly symmetric: boolean;
  /** Whether weights of the spatial aggregation are contrast-normalised unless the recipe says otherwise. */
  readonly contrastAggregation: boolean;
  /** a [N, P, C], b [N, Q, C] to [N, P, Q]; larger is more alike. */
  pairwise(a: Tensor3D, b: Tensor3D): Tensor3D;
  /** The same D as a product of factors, where it is one: much faster and leaner on large images. */
  readonly product?: SimilarityProduct;
}

/** D(a, b) = left(a) right(b)^T + offset(a). */
export interface SimilarityProduct {
  /** Whether the factors' vectors are brought to length 1 before they are multiplied; zero vectors stay zero. */
  readonly unit: boolean;
  /** [N, P, C] to [N, P, K]; `a` itself where nothing changes. */
  left(a: Tensor3D): Tensor3D;
  /** [N, Q, C] to [N, Q, K]; `b` itself where nothing changes. */
  right(b: Tensor3D): Tensor3D;
  /** [N, P, C] to [N, P, 1]; absent: 0. */
  offset?(a: Tensor3D): Tensor3D;
}

// --- optimisation -----------------------------------------------------------------------------------------

/** An optimiser whose options are valid. */
export interface OptimizerPlan {
  /** Makes the optimiser of these parameters, its slots zero. */
  create(params: readonly Param[], setup: Pick<Setup, "variable">): Optimizer;
}

/** Ours, not tfjs's: slots are aligned with the parameters, the rate can change, decay exists. */
export interface Optimizer {
  /**
   * Updates every parameter once.
   * @param grads aligned with `params`; null leaves that variable and its slots alone
   * @param multiplier on the base learning rate, from the schedule
   */
  apply(grads: readonly (Tensor | null)[], multiplier: number): void;
  /** The learning rate before the schedule's multiplier. */
  readonly rate: number;
  /** Momentum and the like, by `<param name>/<slot>`, for the checkpoint. */
  readonly slots: Readonly<Record<string, Variable>>;
}

/** The learning rate's multiplier over time. */
export interface SchedulePlan {
  /** The factor on the base learning rate, in [0, 1] for the built-in ones. @param step counts from 0 @param steps the run's length */
  multiplier(step: number, steps: number): number;
}
