import { basename, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { renderGrid } from "../report/grid.ts";
import { type Result, resultsGrid } from "../report/results.ts";
import { type ChosenSnapshots, snapshotGrid, snapshotPicks } from "../report/snapshots.ts";
import { diskRun } from "../run_folder/files.ts";
import { EVALUATION } from "../run_folder/layout.ts";
import { isRunFolder, readRun } from "../run_folder/read.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { readResult, requirePaper } from "./results.ts";
import { stat } from "./run_folder.ts";
import { runsBelow } from "./runs_below.ts";

/**
 * Runs `plca table`: results of runs side by side, and which snapshot each measure would choose. @returns the
 * exit status 0 @throws UserError when a result is missing, or classes differ
 */
export async function tableCommand(host: Host, args: CommandOf<"table">): Promise<number> {
  const named = await namedResults(host, args.results);
  const results: Result[] = [];
  for (const { title, path, given } of named) {
    results.push({ title, evaluation: await readResult(path, given) });
  }
  const [first, ...others] = results;
  const classes = first!.evaluation.classes;
  for (const { title, evaluation } of others) {
    if (String(evaluation.classes) === String(classes)) continue;
    throw new UserError(
      `${title} has other classes than ${first!.title}: ${evaluation.classes.join(", ")}; ` +
        `expected ${classes.join(", ")}`,
    );
  }
  if (args.paper) requirePaper(classes);
  const grid = resultsGrid(results, { short: args.format === "text", paper: args.paper });
  const snapshots = snapshotGrid(
    await Promise.all(named.map(chosenSnapshots)),
  );
  const grids = [grid, ...(snapshots ? [snapshots] : [])];
  host.stdout.write(grids.map((grid) => `${renderGrid(grid, args.format)}\n`).join("\n"));
  return 0;
}

/** A run, or a file of an evaluation. */
interface NamedResult {
  readonly title: string;
  /** Absolute. */
  readonly path: string;
  /** As the person would call it. */
  readonly given: string;
}

/**
 * What the person named, and in the place of a folder that is no run the finished runs in it. Among several
 * names, as a shell makes of `runs/ablation/*`, a folder without a run is named on stderr and left out.
 */
async function namedResults(host: Host, all: readonly string[]): Promise<NamedResult[]> {
  const named: NamedResult[] = [];
  const leaveOut = (name: string, why: string) =>
    host.stderr.write(`${printable(name)}: ${why}; it is left out\n`);
  for (const given of all) {
    const path = resolve(host.cwd, given);
    const own = { title: titleOf(given), path, given };
    const holdsRuns = (await stat(path))?.isDirectory && !await stat(join(path, EVALUATION)) &&
      !await isRunFolder(diskRun(path));
    if (!holdsRuns) {
      named.push(own);
      continue;
    }
    const runs = (await runsBelow(host, given)).toSorted((a, b) => a.path < b.path ? -1 : 1);
    if (runs.length === 0 && all.length === 1) named.push(own);
    else if (runs.length === 0) leaveOut(given, "there is no run in it");
    for (const run of runs) {
      const result = { title: run.path, path: join(path, run.path), given: join(given, run.path) };
      if (await stat(join(result.path, EVALUATION))) named.push(result);
      else leaveOut(result.given, `it has no ${EVALUATION} yet`);
    }
  }
  if (named.length > 0) return named;
  throw new UserError(`${printable(all.join(", "))}: there is no run with an ${EVALUATION} in it`);
}

/** The choices among a run's validations; a file of an evaluation has none. */
async function chosenSnapshots({ title, path }: NamedResult): Promise<ChosenSnapshots> {
  if (!(await stat(path))?.isDirectory) return { title, picks: [] };
  const log = (await readRun(diskRun(path))).phases.at(-1)?.log;
  return { title, picks: [snapshotPicks(log?.validations ?? [])] };
}

/** The name of a folder or file; the whole path where it has none, as for `.`. */
function titleOf(given: string): string {
  const name = basename(given).replace(/\.json$/, "");
  return /\w/.test(name) ? name : given;
}
