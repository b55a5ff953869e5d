import { basename, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { renderGrid } from "../report/grid.ts";
import { type Result, resultsGrid } from "../report/results.ts";
import { type ChosenSnapshots, snapshotGrid, snapshotPicks } from "../report/snapshots.ts";
import { diskRun } from "../run_folder/files.ts";
import { readRun } from "../run_folder/read.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { readResult, requirePaper } from "./results.ts";
import { stat } from "./run_folder.ts";

/**
 * Runs `plca table`: results of runs side by side, and which snapshot each measure would choose. @returns the
 * exit status 0 @throws UserError when a result is missing, or classes differ
 */
export async function tableCommand(host: Host, args: CommandOf<"table">): Promise<number> {
  const results: Result[] = [];
  for (const given of args.results) {
    const path = resolve(host.cwd, given);
    results.push({ title: titleOf(given), evaluation: await readResult(path, given) });
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
    await Promise.all(args.results.map((given) => chosenSnapshots(host, given))),
  );
  const grids = [grid, ...(snapshots ? [snapshots] : [])];
  host.stdout.write(grids.map((grid) => `${renderGrid(grid, args.format)}\n`).join("\n"));
  return 0;
}

/** The choices among a run's validations; a file of an evaluation has none. */
async function chosenSnapshots(host: Host, given: string): Promise<ChosenSnapshots> {
  const title = titleOf(given), path = resolve(host.cwd, given);
  if (!(await stat(path))?.isDirectory) return { title, picks: [] };
  const log = (await readRun(diskRun(path))).phases.at(-1)?.log;
  return { title, picks: [snapshotPicks(log?.validations ?? [])] };
}

/** The name of a folder or file; the whole path where it has none, as for `.`. */
function titleOf(given: string): string {
  const name = basename(given).replace(/\.json$/, "");
  return /\w/.test(name) ? name : given;
}
