import { basename, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { renderGrid } from "../report/grid.ts";
import { type Result, resultsGrid } from "../report/results.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { readResult, requirePaper } from "./results.ts";

/** `plca table`: returns the exit status. @throws UserError */
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
  host.stdout.write(`${renderGrid(grid, args.format)}\n`);
  return 0;
}

/** The folder's or file's name; the whole path where there is none, as in `.`. */
function titleOf(given: string): string {
  const name = basename(given).replace(/\.json$/, "");
  return /\w/.test(name) ? name : given;
}
