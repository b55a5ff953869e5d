/**
 * `from:` of a phase: the seed, an earlier phase, or a file of weights. A phase can start only from what is
 * there when its turn comes, so a name is looked for among the phases before it, and the error for a later
 * one says so.
 */
import { resolve } from "node:path";
import type { PhaseStart } from "../core/plan.ts";
import { suggestion } from "../core/suggest.ts";
import type { Findings } from "./findings.ts";
import { locate } from "./locate.ts";

/** Where a phase starts, and how the resolved recipe says it. */
export interface PlannedStart {
  readonly start: PhaseStart;
  readonly text: string;
}

/** The start of a phase that says nothing, and has none before it. */
export const SEED: PlannedStart = { start: { kind: "seed" }, text: "seed" };

/**
 * `from:` of the k-th phase, by default the phase before, and the seed for the first. @param names of all
 * phases
 */
export function startOf(findings: Findings, k: number, names: readonly unknown[]): PlannedStart | undefined {
  const path = ["phases", k, "from"];
  const before = names.slice(0, k).filter((name) => typeof name === "string");
  if (!findings.has(path)) {
    const name = before.at(-1);
    return name === undefined ? SEED : { start: { kind: "phase", name }, text: name };
  }
  const text = findings.text(path, "seed, the name of a phase before this one, or a file of weights");
  if (text === undefined) return undefined;
  if (text === "seed") return SEED;
  if (before.includes(text)) return { start: { kind: "phase", name: text }, text };
  if (names[k] === text) findings.add(path, "a phase cannot start from itself");
  else if (names.includes(text)) {
    findings.add(path, `starts from "${text}", which comes later; put it before this one`);
  } else if (/[/\\.]/.test(text)) {
    const file = resolve(locate(findings.root, path).folder, text);
    return { start: { kind: "file", path: file }, text: file };
  } else {
    findings.add(
      path,
      `there is no phase called "${text}"${suggestion(text, ["seed", ...before])}; expected seed, ` +
        "a phase before this one, or a file as in ./weights.safetensors",
    );
  }
  return undefined;
}
