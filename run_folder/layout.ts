/**
 * What the files of a run are called, and where they lie. All paths are relative, with `/`; this is the only
 * file that spells them. Pure.
 *
 *     config.yaml  run.json  inputs.json  events.jsonl  tensorboard/        of the whole run
 *     checkpoints/  evaluation.json  jobs/<job>/               of its last phase
 *     baseline/    with the same three                         of the recipe's baseline
 *     phases/<name>/    with the same three                    of every other phase
 *
 * The order of writing is what makes a crash harmless. First the recipe and the record of machine and
 * versions, which make the folder a run. During training, events are appended line by line and checkpoints
 * replaced as whole files; what was logged after the last checkpoint is logged again when the run is resumed.
 * `evaluation.json` comes after a phase's last step.
 */

import { MOST_PHASES } from "../core/plan.ts";

/** The resolved recipe; it can be trained again. */
export const CONFIG = "config.yaml";
/** What else decided the result: seed, backend, versions, machine. */
export const RECORD = "run.json";
/** What the run reads as it was when it began: names and sizes of the data's files, checksums of weights. */
export const INPUTS = "inputs.json";
/** The log of all phases, a line of JSON for each event. */
export const EVENTS = "events.jsonl";
/** How often each class occurs in each source image, where the run counted that for rare-class sampling. */
export const CLASS_COUNTS = "class_counts.json";
/** Event files for TensorBoard. */
export const TENSORBOARD = "tensorboard";
/** In a phase's folder: the evaluation after its last step. */
export const EVALUATION = "evaluation.json";
/** What a training took that was one of several (cli/trial_processes.ts). */
export const COST = "cost.json";
/** In a phase's folder: its weights. */
export const CHECKPOINTS = "checkpoints";
/** Holds a folder for each phase that is neither the last nor a baseline. */
export const PHASES = "phases";

const BASELINE = "baseline", JOBS = "jobs", WEIGHTS = ".safetensors";

/** In a phase's folder: its newest weights. */
export const LAST_CHECKPOINT = checkpointFile("last");

/** What a run writes before its first step. */
export const BEGINNING = [
  CONFIG,
  RECORD,
  INPUTS,
  EVENTS,
  CHECKPOINTS,
  BASELINE,
  PHASES,
  JOBS,
  TENSORBOARD,
  CLASS_COUNTS,
];

/** A phase of a run and where its files lie. */
export interface PhaseFolder {
  /** As events and checkpoints name it. */
  readonly name: string;
  /** Relative to the run's folder; "" for the last phase, which lies in that folder itself. */
  readonly folder: string;
}

/** What a recipe says of its phases: a plan, a resolved recipe, or a mapping read from a file. */
export interface PhaseNames {
  /** Text. The last phase has this name where there are no `phases`. */
  readonly name?: unknown;
  /** A mapping with `name`: the first phase. */
  readonly baseline?: unknown;
  /** A list of mappings with `name`, in the order in which they are trained. */
  readonly phases?: unknown;
}

/**
 * The phases that a recipe states, in the order in which they are trained; the last one's folder is "". Names
 * that are no text are passed over. Never empty.
 */
export function phaseFolders(recipe: PhaseNames): readonly PhaseFolder[] {
  const listed = Array.isArray(recipe.phases) ? recipe.phases.slice(-MOST_PHASES).flatMap(namesOf) : [];
  const last = listed.pop() ?? (typeof recipe.name === "string" ? recipe.name : "");
  return foldersOf([
    ...namesOf(recipe.baseline).map((name) => ({ name, baseline: true })),
    ...[...listed, last].map((name) => ({ name })),
  ]);
}

/** The same for phases that are planned. @param phases in order; at least one */
export function foldersOf(
  phases: readonly { readonly name: string; readonly baseline?: boolean }[],
): readonly PhaseFolder[] {
  return phases.map(({ name, baseline }, k) => ({
    name,
    folder: k === phases.length - 1 ? "" : baseline ? BASELINE : within(PHASES, name),
  }));
}

function namesOf(phase: unknown): string[] {
  const { name } = (phase ?? {}) as { readonly name?: unknown };
  return typeof name === "string" ? [name] : [];
}

/**
 * The folders in which phases may lie, whether a recipe names them or not. The name is "" where the folder
 * does not tell it.
 * @param listed the folders in {@linkcode PHASES}
 */
export function foundFolders(listed: readonly string[]): readonly PhaseFolder[] {
  const others = listed.slice(0, MOST_PHASES).map((name) => ({ name, folder: within(PHASES, name) }));
  return [{ name: "", folder: "" }, { name: "", folder: BASELINE }, ...others];
}

/** `path` in a folder; either may be "". */
export function within(folder: string, path: string): string {
  return [folder, path].filter((part) => part !== "").join("/");
}

/**
 * A file of weights in a phase's folder. @param stem `last` the newest, `last.1` the one before, `best` the
 * one with the highest mIoU
 */
export function checkpointFile(stem: string): string {
  return `${CHECKPOINTS}/${stem}${WEIGHTS}`;
}

/** What a file in `checkpoints` is called without its ending; undefined when it holds no weights. */
export function checkpointStem(name: string): string | undefined {
  return name.endsWith(WEIGHTS) ? name.slice(0, -WEIGHTS.length) : undefined;
}

/** Matches paths that lead into the `checkpoints` of a phase. */
export const IN_CHECKPOINTS = new RegExp(`^(?:${BASELINE}/|${PHASES}/[^/]+/)?${CHECKPOINTS}/`);

/** Where a job writes. @param phaseFolder the phase's, relative or absolute */
export function jobFolder(phaseFolder: string, job: string): string {
  return within(phaseFolder, `${JOBS}/${job}`);
}
