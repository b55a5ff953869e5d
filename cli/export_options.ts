/** Options of `plca export` that need the recipe or each other to make sense. */
import { UserError } from "../core/errors.ts";
import type { EvaluationPlan, RunPlan } from "../core/plan.ts";
import type { CommandOf } from "./grammar.ts";

type Arguments = CommandOf<"export">;

/** What the file does of the recipe's `evaluation`, and a line for each thing that is left out. */
export interface Inference {
  readonly inference: Pick<EvaluationPlan, "aggregation" | "flip" | "heads" | "average">;
  readonly notes: readonly string[];
}

/** Refuses options that would change nothing of what is made. @throws UserError that names the first */
export function refuseUnused({ out, page, hub, inputs, outputs, half, aggregate }: Arguments): void {
  if (hub !== undefined && aggregate) {
    throw new UserError(
      "--aggregate: it mixes probabilities, and the files for a hub make logits; use it with --out or --page",
    );
  }
  if (out !== undefined) return;
  const form = inputs !== "normalised"
    ? `--inputs ${inputs}`
    : outputs !== "logits"
    ? `--outputs ${outputs}`
    : undefined;
  if (form !== undefined) {
    throw new UserError(`${form} is for --out: what the files of --page and --hub take and make is fixed`);
  }
  if (half && page === undefined) {
    throw new UserError(
      "--half is for --out and --page: --hub writes a file of 32 bits and one of 16 anyway",
    );
  }
}

/** [height, width] of a text as `512x1024`; undefined for none. @throws UserError for anything else */
export function sizeOf(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const sides = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text);
  if (!sides) throw new UserError(`--size ${text}: expected HEIGHTxWIDTH in pixels, as in 512x1024`);
  return [Number(sides[1]), Number(sides[2])];
}

/**
 * What the file does of the evaluation. @throws UserError where options contradict each other or the recipe
 */
export function inferenceOf(
  { evaluation }: RunPlan,
  { aggregate, size, outputs }: Pick<Arguments, "aggregate" | "size" | "outputs">,
): Inference {
  const { aggregation, flip, heads, average, scales, window } = evaluation;
  if (aggregate && aggregation === undefined) {
    throw new UserError(
      "--aggregate: the recipe has no evaluation.aggregation; give it with --set 'evaluation.aggregation={alpha: 0.5}'",
    );
  }
  if (aggregate && size === undefined) {
    throw new UserError(
      "--aggregate: it compares all pixels with all others; name the size with --size HEIGHTxWIDTH",
    );
  }
  if (aggregate && outputs === "logits") {
    throw new UserError(
      "--aggregate: it mixes probabilities, so there are no logits; choose --outputs probabilities or labels",
    );
  }
  const plain = outputs === "logits";
  const left = [
    ...(aggregation && !aggregate ? ["aggregation (--aggregate puts it in)"] : []),
    ...(flip && plain ? ["flip"] : []),
    ...(average && plain ? ["average"] : []),
    ...(scales && scales.join() !== "1" ? ["scales"] : []),
    ...(window ? ["window"] : []),
  ];
  return {
    inference: {
      ...(aggregate ? { aggregation: aggregation! } : {}),
      ...(flip ? { flip } : {}),
      ...(heads ? { heads } : {}),
      ...(average ? { average } : {}),
    },
    notes: left.map((name) => `evaluation.${name} is left out: the file makes one pass over one size`),
  };
}
