/** A merged recipe to a plan: every section checked, every plugin planned, and what must fit together compared. */
import { isAbsolute, resolve } from "node:path";
import { type ConfigPath } from "../core/errors.ts";
import { type LabelSpace, sameClasses } from "../core/label_space.ts";
import type {
  DataPlan,
  DatasetOrigin,
  DiagnosticsPlan,
  EvaluationPlan,
  InputPlan,
  LogsPlan,
  Normalization,
  PlannedLoss,
  RunPlan,
  Split,
  TrainingPlan,
} from "../core/plan.ts";
import type { DatasetPlan, ModelPlan, Similarity, TapInfo } from "../core/plugin.ts";
import { neededViews } from "../core/needs.ts";
import type { z } from "../core/schema.ts";
import { suggestion } from "../core/suggest.ts";
import type { Findings } from "./findings.ts";
import { locate } from "./locate.ts";
import { LenientLookup, type Plugins } from "./lenient.ts";
import { planEntryOf, planLosses, type PlannedTerm } from "./plugins.ts";
import {
  BASELINE_KEYS,
  DATASETS,
  NORMALIZATIONS,
  RECIPE_KEYS,
  sections,
  termName,
  WEIGHTS_KEY,
} from "./recipe.ts";

/** What planning may use. */
export interface PlanSetup extends Plugins {
  /** The file's name without its ending: the run's name unless the recipe gives one. */
  readonly stem: string;
}

/** @throws ConfigError with everything that is wrong */
export function planRecipe(findings: Findings, setup: PlanSetup): RunPlan {
  findings.mapping([], { expected: "a recipe", keys: RECIPE_KEYS });
  const name = findings.has(["name"]) ? findings.value(["name"], sections.name) : safeName(setup.stem);
  const seed = findings.value(["seed"], sections.seed);
  const backend = findings.value(["backend"], sections.backend);
  const data = planData(findings, setup);
  const input = locatedInput(findings, findings.value(["input"], sections.input));
  if (input) checkShortSide(findings, input.short_side);
  const model = planEntryOf(findings, { ...setup, kind: "model", path: ["model"], moreKeys: [WEIGHTS_KEY] });
  const weights = weightsFile(findings);
  const losses = planLosses(findings, { ...setup, path: ["losses"] });
  const optimizer = planEntryOf(findings, { ...setup, kind: "optimizer", path: ["optimizer"] });
  const schedule = planEntryOf(findings, { ...setup, kind: "schedule", path: ["schedule"] });
  const training = findings.value(["training"], sections.training);
  const evaluation = findings.value(["evaluation"], sections.evaluation);
  const logs = findings.has(["logs"]) ? wholeLogs(findings.value(["logs"], sections.logs)) : undefined;
  const baseline = findings.has(["baseline"]) ? planBaseline(findings, setup) : undefined;

  const aggregation = evaluation ? planAggregation(findings, setup, evaluation) : undefined;
  if (evaluation) checkPasses(findings, evaluation);
  if (training && data) checkTargetLabels(findings, training, data.plan);
  if (model && !model.unrun && data?.plan.source) {
    const all = [...losses, ...(baseline?.entries ?? [])].map((entry) => entry.loss);
    checkTaps(findings, { model: model.plan, labelSpace: data.plan.source.labelSpace, losses: all });
    if (aggregation) {
      checkAggregation(findings, {
        ...aggregation,
        model: model.plan,
        labelSpace: data.plan.source.labelSpace,
      });
    }
  }
  findings.throwIfAny();
  if (
    !name || seed === undefined || !backend || !data || !input || !model || !optimizer || !schedule ||
    !training || !evaluation
  ) throw new Error("a section is missing although nothing was found wrong");

  const resolved = {
    name,
    seed,
    backend,
    data: data.resolved,
    input,
    model: { ...model.named, ...weights, options: model.options },
    losses: losses.map((entry) => entry.resolved),
    optimizer: { ...optimizer.named, options: optimizer.options },
    schedule: { ...schedule.named, options: schedule.options },
    training,
    evaluation,
    ...(logs === undefined ? {} : { logs }),
    ...(baseline
      ? { baseline: { name: baseline.name, losses: baseline.entries.map((entry) => entry.resolved) } }
      : {}),
  };
  const common = {
    from: { kind: "seed" as const },
    before: [],
    streams: [
      { name: "target", labels: false, dataset: data.plan.target, at: ["data", "target"], origin: "" },
      { name: "source", labels: true, dataset: data.plan.source, at: ["data", "source"], origin: "" },
    ],
    networks: [],
    optimizer: optimizer.plan,
    groups: [],
    schedule: schedule.plan,
    training: trainingPlan(training),
  };
  return {
    name,
    seed,
    backend,
    labelSpace: data.plan.source.labelSpace,
    data: data.plan,
    input: inputPlan(input),
    model: { type: model.plugin.name, plan: model.plan, ...weights },
    phases: [
      ...(baseline
        ? [{ ...common, name: baseline.name, baseline: true, losses: lossesOf(baseline.entries) }]
        : []),
      { ...common, name, losses: lossesOf(losses) },
    ],
    evaluation: evaluationPlan(evaluation, aggregation),
    ...(logs === undefined ? {} : { logs: logsPlan(logs) }),
    resolved,
  };
}

function lossesOf(entries: readonly PlannedTerm[]): readonly PlannedLoss[] {
  return entries.map((entry) => entry.loss);
}

function safeName(stem: string): string {
  return stem.replace(/[^\w.-]+/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "recipe";
}

/** `model.weights`, absolute: relative to the file that names it, or to where the person is. */
function weightsFile(findings: Findings): { readonly weights?: string } {
  const path = ["model", WEIGHTS_KEY];
  const file = findings.has(path) ? findings.text(path, "the path of a file of weights") : undefined;
  return file === undefined ? {} : { weights: resolve(locate(findings.root, path).folder, file) };
}

// --- data -------------------------------------------------------------------------------------------------

interface PlannedData {
  readonly plan: DataPlan;
  readonly resolved: Readonly<Record<string, unknown>>;
}

function planData(findings: Findings, setup: PlanSetup): PlannedData | undefined {
  const keys = ["root", ...DATASETS];
  if (!findings.mapping(["data"], { expected: `a mapping with ${keys.join(", ")}`, keys })) return undefined;
  const plans = new Map<string, DatasetPlan>();
  const origins = new Map<DatasetPlan, DatasetOrigin>();
  const mended = new Set<string>();
  const resolved: Record<string, unknown> = {};
  const root = findings.has(["data", "root"]) ? findings.text(["data", "root"], "a folder") : undefined;
  const folder = root === undefined
    ? ""
    : isAbsolute(root)
    ? root
    : resolve(locate(findings.root, ["data", "root"]).folder, root);
  if (folder !== "") resolved["root"] = folder;
  for (const name of DATASETS) {
    const path = ["data", name];
    if ((name === "val" || name === "test") && !findings.has(path)) continue;
    const planned = planEntryOf(findings, { ...setup, kind: "dataset", path, flat: true });
    if (!planned) continue;
    plans.set(name, planned.plan);
    origins.set(planned.plan, { plugin: planned.plugin, options: planned.raw });
    if (planned.mended || planned.unrun) mended.add(name);
    resolved[name] = { ...planned.named, ...planned.options };
  }
  const rootless = [...plans].filter(([name, plan]) => plan.needsRoot && !mended.has(name)).map(([name]) =>
    name
  );
  if (folder === "" && rootless.length > 0) {
    findings.add(
      ["data"],
      `root is missing; the files of ${rootless.join(", ")} lie there (--set data.root=FOLDER)`,
    );
  }
  const [source, target] = [plans.get("source"), plans.get("target")];
  if (source && !mended.has("source")) {
    for (const split of ["val", "test"] as const) {
      const other = mended.has(split) ? undefined : plans.get(split)?.labelSpace;
      if (other && !sameClasses(source.labelSpace, other)) {
        findings.add(["data", split], difference(source.labelSpace, other));
      }
    }
  }
  if (!source || !target) return undefined;
  const [val, test] = [plans.get("val"), plans.get("test")];
  const splits: Partial<Record<Split, DatasetPlan>> = {
    train: source,
    ...(val ? { val } : {}),
    ...(test ? { test } : {}),
  };
  return { plan: { root: folder, source, target, splits, origins }, resolved };
}

function difference(source: LabelSpace, other: LabelSpace): string {
  const listed = ({ name, classes, ignore }: LabelSpace) =>
    `${name} (${classes.join(", ")}; ignore ${ignore})`;
  return `its classes differ from the source's: ${listed(other)}, expected ${listed(source)}`;
}

// --- sections without plugins -----------------------------------------------------------------------------

type InputSection = z.infer<typeof sections.input>;
type TrainingSection = z.infer<typeof sections.training>;
type EvaluationSection = z.infer<typeof sections.evaluation>;

/** The section with its path made absolute: the resolved recipe is written to another folder. */
function locatedInput(findings: Findings, input: InputSection | undefined): InputSection | undefined {
  if (input?.rare_class_sampling === undefined) return input;
  const { stats } = input.rare_class_sampling;
  const { folder } = locate(findings.root, ["input", "rare_class_sampling", "stats"]);
  return { ...input, rare_class_sampling: { ...input.rare_class_sampling, stats: resolve(folder, stats) } };
}

function checkShortSide(findings: Findings, side: InputSection["short_side"]): void {
  if (typeof side !== "object" || side[0] <= side[1]) return;
  findings.add(
    ["input", "short_side"],
    `expected [low, high] with low at most high: it is [${side.join(", ")}]`,
  );
}

function inputPlan(section: InputSection): InputPlan {
  const { short_side: side, crop, flip, normalization, workers, rare_class_sampling: rare } = section;
  const named: Normalization = typeof normalization === "string"
    ? NORMALIZATIONS[normalization]
    : normalization;
  return {
    training: {
      ...(side === undefined ? {} : { shortSide: typeof side === "number" ? [side, side] as const : side }),
      crop: sides(crop),
      flip,
    },
    normalization: named,
    workers,
    ...(rare
      ? {
        rareClassSampling: {
          stats: rare.stats,
          temperature: rare.temperature,
          minPixels: rare.min_pixels,
        },
      }
      : {}),
  };
}

function trainingPlan(section: TrainingSection): TrainingPlan {
  const { steps, batch, accumulation, clip_norm, validate_every, checkpoint_every } = section;
  return {
    steps,
    batch,
    accumulation,
    ...(clip_norm === undefined ? {} : { clipNorm: clip_norm }),
    validateEvery: validate_every,
    checkpointEvery: checkpoint_every,
    keepCheckpoints: section.keep_checkpoints,
    logEvery: section.log_every,
    ...(section.diagnostics ? { diagnostics: diagnosticsPlan(section.diagnostics) } : {}),
  };
}

function diagnosticsPlan(
  { every, measure, target_labels: targetLabels }: Exclude<TrainingSection["diagnostics"], false | undefined>,
): DiagnosticsPlan {
  return { every, measure, targetLabels };
}

/** Labels of other classes could not be compared with the source's. */
function checkTargetLabels(
  findings: Findings,
  { diagnostics }: TrainingSection,
  { source, target }: DataPlan,
): void {
  if (!diagnostics || !diagnostics.target_labels) return;
  if (sameClasses(source.labelSpace, target.labelSpace)) return;
  const why = difference(source.labelSpace, target.labelSpace);
  findings.add(
    ["training", "diagnostics", "target_labels"],
    `the target's labels cannot be compared: ${why}`,
  );
}

type LogsSection = Exclude<z.infer<typeof sections.logs>, string>;

/** The name alone says the same as the mapping with its defaults; the resolved recipe has one form. */
function wholeLogs(section: z.infer<typeof sections.logs> | undefined): LogsSection | undefined {
  return section === "tensorboard" ? { type: section, images: 4, histograms: 0 } : section;
}

function logsPlan({ images, histograms }: LogsSection): LogsPlan {
  return { images, histograms };
}

function checkPasses(findings: Findings, { scales, window }: EvaluationSection): void {
  if (new Set(scales).size < scales.length) {
    findings.add(["evaluation", "scales"], `expected different factors: it is [${scales.join(", ")}]`);
  }
  if (window === false) return;
  const [size, stride] = [sides(window.size), sides(window.stride)];
  if (stride[0] > size[0] || stride[1] > size[1]) {
    findings.add(
      ["evaluation", "window", "stride"],
      `expected at most the window's size [${size.join(", ")}], or pixels between windows would have no ` +
        `prediction: it is [${stride.join(", ")}]`,
    );
  }
}

/** [height, width] */
function sides(given: number | readonly [number, number]): readonly [number, number] {
  return typeof given === "number" ? [given, given] : given;
}

function evaluationPlan(section: EvaluationSection, aggregation?: PlannedAggregation): EvaluationPlan {
  const { scales, window } = section;
  return {
    ...(section.size === undefined ? {} : { size: section.size }),
    ...(section.flip ? { flip: true } : {}),
    ...(scales.length === 1 && scales[0] === 1 ? {} : { scales }),
    ...(window === false ? {} : { window: { size: sides(window.size), stride: sides(window.stride) } }),
    labelSize: section.label_size,
    ...(section.limit === undefined ? {} : { limit: section.limit }),
    ...(aggregation ? { aggregation } : {}),
  };
}

// --- aggregation at inference -----------------------------------------------------------------------------

interface PlannedAggregation {
  readonly alpha: number;
  readonly features: Similarity;
  readonly predictions: Similarity;
}

const AGGREGATION: ConfigPath = ["evaluation", "aggregation"];

function planAggregation(
  findings: Findings,
  plugins: Plugins,
  { aggregation }: EvaluationSection,
): PlannedAggregation | undefined {
  if (aggregation === false) return undefined;
  const lookup = new LenientLookup(findings, plugins);
  const [features, predictions] = (["features", "predictions"] as const).map((key) =>
    lookup.choose("similarity", aggregation[key], [...AGGREGATION, key])?.plan
  );
  return features && predictions ? { alpha: aggregation.alpha, features, predictions } : undefined;
}

interface AggregationFit extends PlannedAggregation {
  readonly model: ModelPlan;
  readonly labelSpace: LabelSpace;
}

function checkAggregation(findings: Findings, fit: AggregationFit): void {
  const space = fit.model.taps(fit.labelSpace.classes.length)[fit.model.featureTap]?.space;
  if (fit.features.accepts === "simplex" && space !== "simplex") {
    findings.add(
      [...AGGREGATION, "features"],
      `compares probabilities, but ${fit.model.featureTap} holds features`,
    );
  }
}

// --- losses and taps --------------------------------------------------------------------------------------

interface PlannedBaseline {
  readonly name: string;
  readonly entries: readonly PlannedTerm[];
}

function planBaseline(findings: Findings, setup: PlanSetup): PlannedBaseline | undefined {
  const wanted = { expected: "a mapping with name and losses", keys: BASELINE_KEYS };
  if (!findings.mapping(["baseline"], wanted)) return undefined;
  const name = findings.value(["baseline", "name"], termName.default("baseline"));
  const entries = planLosses(findings, { ...setup, path: ["baseline", "losses"] });
  return name === undefined ? undefined : { name, entries };
}

interface TapCheck {
  readonly model: ModelPlan;
  readonly labelSpace: LabelSpace;
  readonly losses: readonly PlannedLoss[];
}

function checkTaps(findings: Findings, { model, labelSpace, losses }: TapCheck): void {
  const taps = model.taps(labelSpace.classes.length);
  const needs = losses.flatMap(({ plan, at }) =>
    neededViews(plan.needs).flatMap((view) =>
      view.taps.map((tap) => ({ ...tap, at: tap.at ?? [...at, "options"] }))
    )
  );
  for (const need of needs) {
    const tap = taps[need.name];
    if (!tap) {
      findings.add(need.at, `the model has no tap "${need.name}"${suggestion(need.name, Object.keys(taps))}`);
    } else if (need.space !== undefined && need.space !== tap.space) {
      const fitting = Object.keys(taps).filter((name) => taps[name]?.space === need.space);
      findings.add(
        need.at,
        `tap "${need.name}" holds ${describeSpace(tap.space)}, expected ${describeSpace(need.space)}${
          fitting.length > 0 ? ` (${fitting.join(", ")})` : ""
        }`,
      );
    }
  }
}

/** What the channels of a tap hold. */
export function describeSpace(space: TapInfo["space"]): string {
  return space === "simplex" ? "probabilities" : "features of any value";
}
