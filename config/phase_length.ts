/**
 * How long a phase is when it says so as a share of the whole recipe, so that a method goes onto recipes of
 * any length.
 */
import type { ConfigPath } from "../core/errors.ts";
import type { Findings } from "./findings.ts";
import { find, type LocatedMapping } from "./locate.ts";
import { phaseLength } from "./recipe.ts";

/** A phase, and the recipe as it sees it. */
export interface PhaseSection {
  /** The entry of `phases`. */
  readonly at: ConfigPath;
  /** With what the phase says of its own in the recipe's places. */
  readonly root: LocatedMapping;
}

/**
 * The phase's tree with `training.steps` set from its `length`, rounded, at least 1. Unchanged where there is
 * no `length`, or where the phase gives `training.steps` itself, which counts more. Mistakes are recorded.
 */
export function withLength(findings: Findings, { at, root }: PhaseSection): LocatedMapping {
  const path = [...at, "length"];
  if (!findings.has(path) || findings.has([...at, "training", "steps"])) return root;
  const length = findings.value(path, phaseLength);
  const whole = find(findings.root, ["training", "steps"]);
  const training = root.entries.get("training");
  if (length === undefined) return root;
  if (whole?.kind !== "scalar" || typeof whole.value !== "number" || training?.kind !== "mapping") {
    findings.add(path, "is a share of the recipe's training.steps, which is missing");
    return root;
  }
  const steps = { ...find(findings.root, path)!, kind: "scalar" as const, value: 0 };
  steps.value = Math.max(1, Math.round(length * whole.value));
  const inner = { ...training, entries: new Map(training.entries).set("steps", steps) };
  return { ...root, entries: new Map(root.entries).set("training", inner) };
}
