/** `weights:` of the model and of networks beside it. */
import { resolve } from "node:path";
import type { ConfigPath } from "../core/errors.ts";
import type { WeightsSource } from "../core/weights.ts";
import type { Findings } from "./findings.ts";
import { find, locate } from "./locate.ts";
import { WEIGHTS_KEY, WEIGHTS_OF_SEED, weightsMapping } from "./recipe.ts";

/** A file of weights, and how the resolved recipe has it; none where none is named. */
export interface PlannedWeights {
  readonly weights?: WeightsSource;
  /** The model's `weights: seed`. */
  readonly fromSeed?: true;
  /** To be spread into the entry. */
  readonly resolved: { readonly weights?: unknown };
}

/**
 * Reads `weights` of the entry at `at`: a file's name, a mapping with `file`, `take` and `without`, or for the
 * model `seed`. The file is not opened; its path is made absolute from the folder of the recipe that names it. Empty where the
 * entry has no weights, and after recording a mistake.
 */
export function planWeights(findings: Findings, at: ConfigPath): PlannedWeights {
  const path = [...at, WEIGHTS_KEY];
  if (!findings.has(path)) return { resolved: {} };
  const node = find(findings.root, path);
  if (node?.kind !== "mapping") {
    const text = findings.text(path, "the path of a file of weights");
    if (text === undefined) return { resolved: {} };
    if (text === WEIGHTS_OF_SEED && at[0] === "model") {
      return { fromSeed: true, resolved: { [WEIGHTS_KEY]: text } };
    }
    const file = resolve(locate(findings.root, path).folder, text);
    return { weights: { file }, resolved: { [WEIGHTS_KEY]: file } };
  }
  const given = findings.value(path, weightsMapping);
  if (given === undefined) return { resolved: {} };
  const { take, without = [] } = given;
  const weights: WeightsSource = {
    file: resolve(locate(findings.root, [...path, "file"]).folder, given.file),
    ...(take === undefined ? {} : { take }),
    ...(without.length === 0 ? {} : { without }),
  };
  return { weights, resolved: { [WEIGHTS_KEY]: weights } };
}
