/** `evaluation:` to how a run's predictions are made and compared with labels. */
import { resolve } from "node:path";
import type { ConfigPath } from "../core/errors.ts";
import type { LabelSpace } from "../core/label_space.ts";
import { type AggregationPlan, type EvaluationPlan } from "../core/plan.ts";
import type { ModelPlan, Similarity } from "../core/plugin.ts";
import { suggestion } from "../core/suggest.ts";
import { STUDENT } from "../core/term.ts";
import { hasLogits } from "./check_step.ts";
import type { Findings } from "./findings.ts";
import { LenientLookup, type Plugins } from "./lenient.ts";
import { locate } from "./locate.ts";
import { type EvaluationSection, sides } from "./plan_sections.ts";

/** The section with its paths made absolute: the resolved recipe is written to another folder. */
export function locatedEvaluation(
  findings: Findings,
  section: EvaluationSection | undefined,
): EvaluationSection | undefined {
  if (section?.ensemble === undefined) return section;
  const ensemble = section.ensemble.map((member, k) => {
    const { folder } = locate(findings.root, ["evaluation", "ensemble", k, "checkpoint"]);
    return { ...member, checkpoint: resolve(folder, member.checkpoint) };
  });
  return { ...section, ensemble };
}

/**
 * The section in the form that a run uses: defaults that mean "nothing special" (scale 1 alone, no mirror, no
 * window) are left out, so that code asks for presence and not for values.
 */
export function evaluationPlan(
  section: EvaluationSection,
  { aggregation, cycles }: {
    readonly aggregation?: AggregationPlan | undefined;
    /** Compares features in cycles. */
    readonly cycles?: Similarity | undefined;
  },
): EvaluationPlan {
  const { scales, window } = section;
  return {
    ...(section.size === undefined ? {} : { size: section.size }),
    ...(section.flip ? { flip: true } : {}),
    ...(scales.length === 1 && scales[0] === 1 ? {} : { scales }),
    ...(window === false ? {} : { window: { size: sides(window.size), stride: sides(window.stride) } }),
    labelSize: section.label_size,
    ...(section.limit === undefined ? {} : { limit: section.limit }),
    ...(aggregation ? { aggregation } : {}),
    ...(cycles ? { labelFree: { similarity: cycles } } : {}),
    ...(section.network === undefined ? {} : { network: section.network }),
    ...(section.heads === undefined ? {} : { heads: section.heads }),
    ...(section.ensemble === undefined ? {} : { ensemble: section.ensemble }),
    ...(section.average === "logits" ? { average: "logits" as const } : {}),
  };
}

const AGGREGATION: ConfigPath = ["evaluation", "aggregation"];

/**
 * The similarities of aggregation at inference, planned. Undefined when aggregation is off, or after
 * recording what is wrong with it.
 */
export function planAggregation(
  findings: Findings,
  plugins: Plugins,
  { aggregation }: EvaluationSection,
): AggregationPlan | undefined {
  if (aggregation === false) return undefined;
  const lookup = new LenientLookup(findings, plugins);
  const [features, predictions] = (["features", "predictions"] as const).map((key) =>
    lookup.choose("similarity", aggregation[key], [...AGGREGATION, key])?.plan
  );
  return features && predictions ? { alpha: aggregation.alpha, features, predictions } : undefined;
}

/**
 * The similarity by which the label-free measure of cycles compares features. Undefined when label-free
 * measures are off, or after recording what is wrong with it.
 */
export function planCycles(
  findings: Findings,
  plugins: Plugins,
  { label_free: labelFree }: EvaluationSection,
): Similarity | undefined {
  if (labelFree === false) return undefined;
  const at = ["evaluation", "label_free", "features"];
  return new LenientLookup(findings, plugins).choose("similarity", labelFree.features, at)?.plan;
}

/** What an evaluation must fit. */
export interface EvaluationFit {
  readonly model: ModelPlan;
  readonly labelSpace: LabelSpace;
  readonly aggregation: AggregationPlan | undefined;
  /** The names of the last phase's networks; undefined when it could not be planned. */
  readonly networks: readonly string[] | undefined;
}

/**
 * Records what the evaluation asks for and the run does not have: features compared as if they were
 * probabilities, a network that the last phase lacks, taps as heads that hold no logit per class, and
 * combinations of heads or averaged logits with aggregation.
 */
export function checkEvaluation(
  findings: Findings,
  { network, heads, average, aggregation }: EvaluationSection,
  { model, labelSpace, aggregation: planned, networks }: EvaluationFit,
): void {
  const classes = labelSpace.classes.length;
  const taps = model.taps(classes);
  if (planned?.features.accepts === "simplex" && taps[model.featureTap]?.space !== "simplex") {
    findings.add(
      [...AGGREGATION, "features"],
      `compares probabilities, but ${model.featureTap} holds features`,
    );
  }
  if (!networks) return;
  if (heads && aggregation) {
    findings.add(
      ["evaluation", "heads"],
      "excludes aggregation, whose features the model's own head classifies; set evaluation.aggregation to false",
    );
  }
  if (average === "logits" && aggregation) {
    findings.add(
      ["evaluation", "average"],
      "expected probabilities: these are what aggregation makes; set evaluation.aggregation to false",
    );
  }
  const known = [STUDENT, ...networks];
  if (network !== undefined && !known.includes(network)) {
    findings.add(
      ["evaluation", "network"],
      `there is no network "${network}"${suggestion(network, known)}`,
    );
  }
  const fitting = Object.keys(taps).filter((tap) => hasLogits(taps[tap]!, classes));
  for (const [k, { tap }] of (heads ?? []).entries()) {
    if (fitting.includes(tap)) continue;
    findings.add(
      ["evaluation", "heads", k, "tap"],
      `expected a tap with a logit for each of the ${classes} classes (${
        fitting.join(", ")
      }): it is "${tap}"`,
    );
  }
}
