import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";
import { renderGrid } from "../report/grid.ts";
import { overviewOf, type RunOverview, runsGrid } from "../report/overview.ts";
import { readRun } from "../run_folder/read.ts";
import { commandLine } from "./command_line.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { runsBelow } from "./runs_below.ts";

/** How many damaged lines and files of a run are shown; further ones are counted. */
const SHOWN_PROBLEMS = 3;

/**
 * Runs `plca runs`: a line for each run, the latest last, where it is in sight above the prompt. @returns the
 * exit status 0 @throws UserError when the folder cannot be listed
 */
export async function runsCommand(host: Host, args: CommandOf<"runs">): Promise<number> {
  const given = args.folder ?? "runs";
  const overviews: RunOverview[] = [];
  const folders = await runsBelow(host, given).catch((cause) => {
    // The folder `runs` is made by the first training.
    if (args.folder === undefined && cause instanceof Deno.errors.NotFound) return [];
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such folder"
      : cause instanceof Deno.errors.NotADirectory
      ? "it is a file, expected a folder"
      : reason(cause);
    throw new UserError(`${printable(given)}: ${why}`, { cause });
  });
  for (const { files } of folders) {
    const run = await readRun(files);
    overviews.push(overviewOf(run));
    for (const problem of run.problems.slice(0, SHOWN_PROBLEMS)) host.stderr.write(`${problem}\n`);
    const more = run.damaged - SHOWN_PROBLEMS;
    if (more > 0) host.stderr.write(`${printable(run.folder)}: ${more} more of this kind\n`);
  }
  // The latest last: that is what is in sight above the prompt.
  overviews.sort((a, b) => (a.modified ?? "").localeCompare(b.modified ?? ""));
  if (args.json) {
    host.stdout.write(`${JSON.stringify(overviews, null, 2)}\n`);
    return 0;
  }
  if (overviews.length === 0) {
    host.stdout.write(`there is no run in ${printable(given)}; ${commandLine(host, "train")} makes one\n`);
    return 0;
  }
  host.stdout.write(`${renderGrid(runsGrid(overviews, host.now().getTime()), "text")}\n`);
  return 0;
}
