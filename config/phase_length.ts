/**
 * `length:` of a phase: its steps as a share of the recipe's `training.steps`. A method whose phases say
 * `length: 0.25` can be laid onto a recipe of any length. `plan_phases.ts` turns the share into steps here,
 * before the phase is planned; whoever plans it sees `training.steps` only.
 */
import type { ConfigPath } from "../core/errors.ts";
import type { Findings } from "./findings.ts";
import { find, type LocatedMapping } from "./locate.ts";
import { phaseLength } from "./recipe.ts";

/** A phase, and the recipe as this phase sees it. */
export interface PhaseSection {
  /** The place of the phase in the recipe, as in `phases[1]`. */
  readonly at: ConfigPath;
  /** The recipe, where the phase's own sections (`training`, `losses`, ...) are merged over the recipe's. */
  readonly root: LocatedMapping;
}

/**
 * Returns `root` with `training.steps` = `length` times the recipe's steps, rounded, at least 1. The new value
 * keeps the place of `length` in the file, so an error about these steps points there. `root` is returned as
 * it is where there is no `length`, where the phase gives `training.steps` itself (these count then), and
 * where something is wrong, which is recorded.
 */
export function withLength(findings: Findings, { at, root }: PhaseSection): LocatedMapping {
  const path = [...at, "length"];
  if (!findings.has(path) || findings.has([...at, "training", "steps"])) return root;
  const length = findings.value(path, phaseLength);
  const recipeSteps = find(findings.root, ["training", "steps"]);
  const training = root.entries.get("training");
  if (length === undefined) return root;
  if (
    recipeSteps?.kind !== "scalar" || typeof recipeSteps.value !== "number" || training?.kind !== "mapping"
  ) {
    findings.add(path, "is a share of the recipe's training.steps, which is missing");
    return root;
  }
  const value = Math.max(1, Math.round(length * recipeSteps.value));
  const steps = { ...find(findings.root, path)!, kind: "scalar" as const, value };
  const inner = { ...training, entries: new Map(training.entries).set("steps", steps) };
  return { ...root, entries: new Map(root.entries).set("training", inner) };
}
