/**
 * A merged recipe to a plan. This is the table of contents of planning: one line for each section, in an
 * order in which each finds what it needs (datasets and model before phases, phases before the evaluation of
 * their networks).
 *
 * The pattern is the same throughout. Each `plan...` function returns `undefined` after having recorded what
 * is wrong, and the others go on with a stand-in. After the last section, `throwIfAny` ends a reading with
 * mistakes; what follows it may rely on every part being there.
 *
 * Beside the plan, the *resolved* recipe is built: the same recipe with all defaults and absolute paths,
 * without `extends`. It is written to the run folder as `config.yaml` and can be trained again as it is. So a
 * new option must appear in both: one that is missing from the resolved recipe would be lost there.
 */
import type { RunPlan } from "../core/plan.ts";
import type { Findings } from "./findings.ts";
import type { Plugins } from "./lenient.ts";
import { checkCrops } from "./check_crops.ts";
import { planData } from "./plan_data.ts";
import {
  checkEvaluation,
  evaluationPlan,
  locatedEvaluation,
  planAggregation,
  planCycles,
} from "./plan_evaluation.ts";
import { planPhases } from "./plan_phases.ts";
import {
  checkImageSizes,
  checkPasses,
  inputPlan,
  locatedInput,
  planBackend,
  wholeLogs,
} from "./plan_sections.ts";
import { planWeights } from "./plan_weights.ts";
import { planEntryOf } from "./plugins.ts";
import { RECIPE_KEYS, WEIGHTS_KEY } from "./recipe.ts";
import { sections } from "./sections.ts";
import { mistaken } from "./stand_ins.ts";

/** What planning may use. */
export interface PlanSetup extends Plugins {
  /** The file's name without its ending: the run's name unless the recipe gives one. */
  readonly stem: string;
}

/**
 * Checks and plans every section.
 * @param setup the plugins that may be named, and the file's name
 * @throws ConfigError with everything that is wrong
 */
export function planRecipe(findings: Findings, setup: PlanSetup): RunPlan {
  findings.mapping([], { expected: "a recipe", keys: RECIPE_KEYS });
  const name = findings.has(["name"]) ? findings.value(["name"], sections.name) : safeName(setup.stem);
  const seed = findings.value(["seed"], sections.seed);
  const backend = planBackend(findings);
  const data = planData(findings, setup);
  const input = locatedInput(findings, findings.value(["input"], sections.input));
  const model = planEntryOf(findings, { ...setup, kind: "model", path: ["model"], moreKeys: [WEIGHTS_KEY] });
  const { resolved: ownWeights, ...start } = planWeights(findings, ["model"]);
  const evaluation = locatedEvaluation(findings, findings.value(["evaluation"], sections.evaluation));
  const logs = findings.has(["logs"]) ? wholeLogs(findings.value(["logs"], sections.logs)) : undefined;
  const method = findings.has(["method"]) ? findings.value(["method"], sections.method) : undefined;
  const labelSpace = (data?.plan.source ?? mistaken("dataset")).labelSpace;
  const planned = planPhases(findings, {
    ...setup,
    name: name ?? "",
    data: data?.plan,
    origins: data?.origins ?? new Map(),
    model: model?.plan ?? mistaken("model"),
    unrun: !model || model.unrun === true,
    classes: data?.plan.source.labelSpace.classes.length,
    predicting: evaluation?.network,
  });
  if (input) checkImageSizes(findings, input, planned?.streams);
  if (input && planned && model && !model.unrun) {
    const fit = { phases: planned.phases, model: model.plan, classes: labelSpace.classes.length };
    checkCrops(findings, inputPlan(input), fit);
  }
  const aggregation = evaluation ? planAggregation(findings, setup, evaluation) : undefined;
  const cycles = evaluation ? planCycles(findings, setup, evaluation) : undefined;
  if (evaluation) {
    checkPasses(findings, evaluation);
    if (model && !model.unrun && data) {
      const networks = planned?.networks;
      checkEvaluation(findings, evaluation, { model: model.plan, labelSpace, aggregation, networks });
    }
  }
  findings.throwIfAny();
  if (!name || seed === undefined || !backend || !data || !input || !model || !planned || !evaluation) {
    throw new Error("a section is missing although nothing was found wrong");
  }
  const { baseline, ...phases } = planned.resolved;
  return {
    name,
    seed,
    backend: backend.name,
    ...(backend.memory === undefined ? {} : { memory: backend.memory * 2 ** 30 }),
    ...(backend.precision === undefined ? {} : { precision: backend.precision }),
    labelSpace,
    data: data.plan,
    input: inputPlan(input),
    model: { type: model.plugin.name, plan: model.plan, ...start },
    phases: planned.phases,
    evaluation: evaluationPlan(evaluation, { aggregation, cycles }),
    ...(method === undefined ? {} : { method }),
    ...(logs === undefined ? {} : { logs: { images: logs.images, histograms: logs.histograms } }),
    resolved: {
      name,
      seed,
      backend: Object.keys(backend).length === 1 ? backend.name : backend,
      data: data.resolved,
      input,
      model: { ...model.named, ...ownWeights, options: model.options },
      ...phases,
      evaluation,
      ...(method === undefined ? {} : { method }),
      ...(logs === undefined ? {} : { logs }),
      ...(baseline === undefined ? {} : { baseline }),
    },
  };
}

/** A file's name as a run's name: letters, digits, `.`, `_` and `-`, since it becomes a folder. */
function safeName(stem: string): string {
  return stem.replace(/[^\w.-]+/g, "_").replace(/^[^A-Za-z0-9]+/, "") || "recipe";
}
