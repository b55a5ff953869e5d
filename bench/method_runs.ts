/**
 * Runs of methods as they were measured, kept in bench/results/runs so that a table can be made in pieces: on
 * several days and machines, long after their folders are gone.
 */
import { join } from "node:path";
import type { MethodPlan } from "../core/plan.ts";
import type { SnapshotPicks } from "../report/snapshots.ts";
import { readMethodRun } from "../cli/method_run.ts";
import { diskRun } from "../run_folder/files.ts";
import { readRun, type Run } from "../run_folder/read.ts";

/** One finished training. */
export interface KeptRun {
  /** The recipe's name. */
  readonly name: string;
  readonly seed: number;
  readonly method?: MethodPlan;
  /** After the last step, in 0..1. */
  readonly miou: number | null;
  /** By class, in 0..1; null: absent from labels and predictions. */
  readonly iou: readonly (number | null)[];
  readonly picks: SnapshotPicks;
  /** The mean over all phases' steps. */
  readonly secondsPerStep?: number;
  /** The most memory of its process. */
  readonly peakBytes?: number;
  /**
   * As multiples of PLCA's, of an earlier training that is known by its table alone; taken instead of the two
   * above.
   */
  readonly ofReference?: { readonly time: number; readonly memory: number };
  /** The day it was read from its folder. */
  readonly date: string;
  /** The version that trained it. */
  readonly commit: string;
}

/** All kept runs on one data recipe. */
export interface KeptRuns {
  /** Class names in train-id order. */
  readonly classes: readonly string[];
  /** By name, then seed. */
  readonly runs: readonly KeptRun[];
}

/**
 * Adds the finished runs of a folder that `plca compare --out` wrote; a run of the same method and seed is
 * replaced.
 * @param data the data recipe's name @param folder absent: only what was kept before @returns all that is
 * kept
 */
export async function keepRuns(data: string, folder: string | undefined): Promise<KeptRuns> {
  const file = new URL(`results/runs/${data}.json`, import.meta.url);
  const before = await readKept(file);
  if (folder === undefined) return before;
  const found = await finishedRuns(folder);
  const replaced = new Set(found.runs.map(keyOf));
  const runs = [...before.runs.filter((run) => !replaced.has(keyOf(run))), ...found.runs]
    .sort((a, b) => a.name.localeCompare(b.name) || a.seed - b.seed);
  const kept: KeptRuns = { classes: found.runs.length > 0 ? found.classes : before.classes, runs };
  await Deno.mkdir(new URL(".", file), { recursive: true });
  await Deno.writeTextFile(file, text(kept));
  return kept;
}

function keyOf({ name, seed }: KeptRun): string {
  return `${name}-${seed}`;
}

async function readKept(file: URL): Promise<KeptRuns> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { classes: [], runs: [] };
  }
}

/** A run a line, so that a piece of a table is a few lines of a commit. */
function text({ classes, runs }: KeptRuns): string {
  const lines = runs.map((run) => `    ${JSON.stringify(run)}`);
  return `{\n  "classes": ${JSON.stringify(classes)},\n  "runs": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/** A folder of a finished run, called `NAME-SEED` as `plca compare` calls them. */
export interface RunFolder {
  readonly name: string;
  readonly seed: number;
  readonly path: string;
  readonly run: Run;
}

/** The finished runs in what `plca compare --out` wrote. */
export async function* runFolders(folder: string): AsyncGenerator<RunFolder> {
  for await (const { name: entry, isDirectory } of Deno.readDir(folder)) {
    const [, name, seed] = /^(.+)-(\d+)$/.exec(entry) ?? [];
    if (!isDirectory || name === undefined) continue;
    const path = join(folder, entry), run = await readRun(diskRun(path));
    if (run.state === "finished") yield { name, seed: Number(seed), path, run };
  }
}

async function finishedRuns(folder: string): Promise<KeptRuns> {
  const runs: KeptRun[] = [];
  let classes: readonly string[] = [];
  for await (const { name, seed, path, run: { config, record, phases } } of runFolders(folder)) {
    const evaluation = phases.at(-1)?.evaluation;
    if (evaluation === undefined) continue;
    const method = config?.parsed["method"] as MethodPlan | undefined;
    const { picks, secondsPerStep, peakBytes } = await readMethodRun(path, evaluation);
    classes = evaluation.classes;
    runs.push({
      name,
      seed,
      ...(method === undefined ? {} : { method }),
      miou: rounded(evaluation.miou),
      iou: evaluation.iou.map(rounded),
      picks: Object.fromEntries(Object.entries(picks).map(([by, value]) => [by, rounded(value ?? null)!])),
      ...(secondsPerStep === undefined ? {} : { secondsPerStep: Number(secondsPerStep.toPrecision(4)) }),
      ...(peakBytes === undefined ? {} : { peakBytes }),
      date: new Date().toISOString().slice(0, 10),
      commit: String(record?.["commit"] ?? "unknown").slice(0, 7),
    });
  }
  return { classes, runs };
}

function rounded(share: number | null): number | null {
  return share === null ? null : Number(share.toFixed(5));
}
