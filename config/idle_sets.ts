/**
 * `--set` of a value that no phase takes. A phase has from the recipe what it does not say itself, so
 * `--set training.steps=2` does nothing where every phase has steps of its own. Whoever types it means the
 * run to be shorter, and would learn only after hours that it is not: so it is a mistake, with the places to
 * set instead.
 */
import { type ConfigPath, formatPath } from "../core/errors.ts";
import type { Findings } from "./findings.ts";
import { find, type Located } from "./locate.ts";
import { PHASE_SECTIONS } from "./recipe.ts";

/** Of so many phases the places are named. */
const NAMED = 4;

/** A phase as the recipe writes it, and what `--set` calls it. */
export interface WrittenPhase {
  readonly name: unknown;
  readonly node: Located;
}

/**
 * Records every single value that a `--set` gave to a section of the recipe although each phase has its own.
 * Where one of these is from a `--set` too, the person knows the places, and nothing is said.
 */
export function checkIdleSets(findings: Findings, phases: readonly WrittenPhase[]): void {
  for (const section of PHASE_SECTIONS) {
    for (const path of setValues(find(findings.root, [section]), [section])) {
      const own = phases.map(({ node }) => find(node, path));
      if (own.length === 0 || own.some((one) => one === undefined || isSet(one))) continue;
      const places = phases.slice(0, NAMED).map(({ name }, k) =>
        formatPath(typeof name === "string" ? ["phases", name, ...path] : ["phases", k, ...path])
      );
      const more = phases.length > NAMED ? `, and so for ${phases.length - NAMED} more` : "";
      const whose = phases.length === 1 ? "the only phase has" : "every phase has";
      findings.add(path, `has no effect, since ${whose} its own; set ${places.join(", ")}${more} instead`);
    }
  }
}

/** The paths of the single values at or below a node that a `--set` gave. */
function setValues(node: Located | undefined, path: ConfigPath): ConfigPath[] {
  if (node === undefined) return [];
  if (node.kind === "mapping") {
    return [...node.entries].flatMap(([key, value]) => setValues(value, [...path, key]));
  }
  if (node.kind === "sequence") return node.items.flatMap((item, k) => setValues(item, [...path, k]));
  return isSet(node) ? [path] : [];
}

function isSet({ where }: Located): boolean {
  return where.startsWith("--set ");
}
