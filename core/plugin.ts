/**
 * The vocabulary of plugins: what a recipe names, what it is planned into, what the run creates from it.
 *
 * A plugin goes through three stages. As a {@linkcode Plugin} it has a name and a schema of its options.
 * `plan` turns valid options into a plan ({@linkcode PlanOf}): what it needs and offers, without any I/O or
 * tensor, so that recipes can be checked in full before anything is loaded. The plan's own functions
 * (`create`, `open`, `run`, ...) do the rest when the run begins.
 */
import type { DatasetPlan } from "./dataset.ts";
import type { ConfigPath } from "./errors.ts";
import type { JobPlan } from "./job.ts";
import type { ModelPlan } from "./model.ts";
import type { NetworkPlan } from "./network.ts";
import type { OptimizerPlan, SchedulePlan } from "./optimization.ts";
import type { OptionsSchema } from "./schema.ts";
import type { Similarity } from "./similarity.ts";
import type { LossPlan, StreamPlan } from "./term.ts";

export type * from "./dataset.ts";
export type * from "./hub.ts";
export type * from "./job.ts";
export type * from "./model.ts";
export type * from "./network.ts";
export type * from "./optimization.ts";
export type * from "./similarity.ts";
export type * from "./term.ts";

/**
 * What each kind of plugin turns its options into. A new kind is a new line here; config/stand_ins.ts must
 * know it too.
 */
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
  /** Images made from those of other streams. */
  stream: StreamPlan;
  /** A network beside the one that is trained: a teacher, a frozen one. */
  network: NetworkPlan;
  /** What is done before a phase, such as writing pseudo-labels. */
  job: JobPlan;
}

/** The kinds of plugin. */
export type Kind = keyof PlanOf;

/** Every kind, in the order `plca list` shows them. */
export const KINDS: readonly Kind[] = [
  "loss",
  "similarity",
  "model",
  "dataset",
  "optimizer",
  "schedule",
  "stream",
  "network",
  "job",
];

/** A plugin: what a recipe names, and how its options become a plan. */
export interface Plugin<K extends Kind = Kind, O = Parsed> {
  /** What it is; decides what `plan` returns. */
  readonly kind: K;
  /** Kebab-case; the `type:` in YAML. */
  readonly name: string;
  /** One line, shown by `plca list`. */
  readonly summary: string;
  /** Where the method comes from, e.g. "Kang et al. 2020, Eq. 1-10". */
  readonly source?: string;
  /** A strict zod object; every key has a description and a default unless it must be given. */
  readonly options: OptionsSchema<O>;
  /**
   * Pure: no I/O, no tensors. Call it through {@linkcode PluginLookup}`.plan`, which reads the options first.
   * @param options what the schema made of them @param at their position in the recipe @throws ConfigError
   */
  plan(options: O, at: ConfigPath, registry: PluginLookup): PlanOf[K];
}

/**
 * Marks options that their schema has read. Their real type only their plugin knows; the mark keeps raw
 * values from being passed in their place.
 */
export interface Parsed {
  /** Never there: it keeps other values from being taken for options that were read. */
  readonly parsed: true;
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

/**
 * Checks the types of a plugin and hides the type of its options, so that lists can hold plugins with
 * different ones. Returns the same object.
 */
export function definePlugin<K extends Kind, O>(plugin: Plugin<K, O>): Plugin<K> {
  return plugin as unknown as Plugin<K>;
}
