/** The vocabulary of plugins: what a recipe names, what it is planned into, what the run creates from it. */
import type { DatasetPlan } from "./dataset.ts";
import { ConfigError, type ConfigPath } from "./errors.ts";
import type { JobPlan } from "./job.ts";
import type { ModelPlan } from "./model.ts";
import type { NetworkPlan } from "./network.ts";
import type { OptimizerPlan, SchedulePlan } from "./optimization.ts";
import type { OptionsSchema } from "./schema.ts";
import type { Similarity } from "./similarity.ts";
import type { LossPlan, StreamPlan } from "./term.ts";

export type * from "./dataset.ts";
export type * from "./job.ts";
export type * from "./model.ts";
export type * from "./network.ts";
export type * from "./optimization.ts";
export type * from "./similarity.ts";
export type * from "./term.ts";

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

/** A plugin after {@linkcode definePlugin}: the option type is sealed inside `plan`. */
export interface Plugin<K extends Kind = Kind> {
  /** What it is; decides what `plan` returns. */
  readonly kind: K;
  /** Kebab-case; the `type:` in YAML. */
  readonly name: string;
  /** One line, shown by `plca list`. */
  readonly summary: string;
  /** Where the method comes from. */
  readonly source?: string;
  /** For `plca list` and `plca schema`. */
  readonly options: OptionsSchema<unknown>;
  /** Validates `raw` and returns a plan. Pure: no I/O, no tensors. @throws ConfigError */
  plan(raw: unknown, at: ConfigPath, registry: PluginLookup): PlanOf[K];
}

/** How a plugin reaches another one, e.g. `association` its similarity. */
export interface PluginLookup {
  /** The plugin called `name`. @throws ConfigError naming `at` and the nearest known name */
  get<K extends Kind>(kind: K, name: string, at: ConfigPath): Plugin<K>;
  /** Every plugin of a kind, in list order. */
  all<K extends Kind>(kind: K): readonly Plugin<K>[];
}

/** What a plugin's author writes. */
export interface PluginSpec<K extends Kind, O> {
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
  /** Pure: no I/O, no tensors. `at` is the position of the options in the recipe. @throws ConfigError */
  plan(options: O, at: ConfigPath, registry: PluginLookup): PlanOf[K];
}

/** Seals a typed spec into a plugin the registry can hold next to others. */
export function definePlugin<K extends Kind, O>(spec: PluginSpec<K, O>): Plugin<K> {
  return {
    kind: spec.kind,
    name: spec.name,
    summary: spec.summary,
    options: spec.options as OptionsSchema<unknown>,
    ...(spec.source === undefined ? {} : { source: spec.source }),
    plan(raw, at, registry) {
      const result = spec.options.safeParse(raw ?? {});
      if (!result.success) throw new ConfigError(issuesOf(result.error.issues, at));
      return spec.plan(result.data, at, registry);
    },
  };
}

interface SchemaIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function issuesOf(issues: readonly SchemaIssue[], at: ConfigPath) {
  return issues.map((issue) => ({
    path: [...at, ...issue.path.map((part) => typeof part === "number" ? part : String(part))],
    message: issue.message,
  }));
}
