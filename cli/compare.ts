/**
 * `plca compare`: several methods on one data recipe, over several seeds, in a table like the paper's Tables
 * 2 and 3. A method is a recipe that is laid on the data recipe. Each training runs in a process of its own,
 * so that time and memory are measured apart and a method that fails does not end the others.
 */
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../core/errors.ts";
import { suggestion } from "../core/suggest.ts";
import { type ComparedMethod, comparisonGrid } from "../report/comparison.ts";
import { renderGrid } from "../report/grid.ts";
import { snapshotGrid } from "../report/snapshots.ts";
import type { CommandOf } from "./grammar.ts";
import type { Host } from "./host.ts";
import { readMethodRun } from "./method_run.ts";
import { planUnrun } from "./recipes.ts";
import { shown, stat } from "./run_folder.ts";
import { type TrainedTrials, trainTrials } from "./trial_processes.ts";
import { outOf, planTrials, recipeFiles, type Trial } from "./trials.ts";

/** The folder of the methods that come with plca, one recipe each. */
const METHODS = fileURLToPath(new URL("../recipes/methods", import.meta.url));

/** Methods that bring a network of their own; they are compared only where they are named. */
const WITH_NETWORKS = join(METHODS, "mit");

/** The method whose time and memory are 1 in the table. */
const REFERENCE = "plca";

/**
 * Runs `plca compare`. What an earlier call finished in the same folder is not trained again, what it began
 * goes on; a method that fails is named, and the others go on.
 * @returns the exit status: 0, 2 when a training failed, 130 when interrupted
 * @throws UserError before anything is trained
 */
export async function compareCommand(host: Host, args: CommandOf<"compare">): Promise<number> {
  const out = outOf(host, args, "comparison");
  const files = await methodFiles(host, args.methods);
  const planned: Parameters<typeof planTrials>[0]["planned"] = (choice) => planUnrun(host, choice);
  const trials = await planTrials({
    args,
    given: `--methods ${args.methods ?? ""}`.trim(),
    files,
    out,
    planned,
    stepsOf: "recipe",
  });
  const { jobs, quiet } = args;
  const trained = await trainTrials(host, { out, jobs, quiet, trials });
  if (trained === undefined) return 130;
  if (!quiet) {
    const beside = jobs > 1 ? `; ${jobs} trained at a time, so that times of steps hold only roughly` : "";
    host.stderr.write(`The runs lie in ${shown(host, out)}${beside}\n`);
  }
  const methods = await comparedMethods(trials, trained);
  const options = { reference: REFERENCE, paper: args.paper, short: args.format === "text" };
  const chosen = methods.map(({ name, method, runs }) => ({
    title: method?.title ?? name,
    picks: runs.map(({ picks }) => picks),
  }));
  host.stdout.write(
    args.json
      ? `${JSON.stringify(methods, null, 2)}\n`
      : [comparisonGrid(methods, options), snapshotGrid(chosen)].flatMap((grid) => grid ?? []).map((grid) =>
        `${renderGrid(grid, args.format)}\n`
      ).join("\n"),
  );
  return trained.failures.size > 0 ? 2 : 0;
}

/**
 * The recipes of the methods, absolute. @param list names and files separated by commas; absent: all that
 * bring no network @throws UserError for a name that is none
 */
async function methodFiles(host: Host, list: string | undefined): Promise<readonly string[]> {
  const all = await recipeFiles(METHODS, METHODS);
  if (list === undefined) return all;
  const named = [...all, ...await recipeFiles(WITH_NETWORKS, WITH_NETWORKS)];
  const known = new Map(named.map((file) => [basename(file).replace(/\.ya?ml$/, ""), file]));
  const files: string[] = [];
  for (const name of list.split(",").map((name) => name.trim())) {
    const file = known.get(name) ?? resolve(host.cwd, name);
    if (known.has(name) || /\.ya?ml$/.test(name) && await stat(file)) files.push(file);
    else {
      throw new UserError(
        `--methods ${list}: there is no method called "${name}"${suggestion(name, [...known.keys()])}`,
      );
    }
  }
  return files;
}

/** Results of the methods, each with its finished runs and its failures. */
async function comparedMethods(
  trials: readonly Trial[],
  { done, failures }: TrainedTrials,
): Promise<ComparedMethod[]> {
  const names = [...new Set(trials.map(({ variant }) => variant))];
  return await Promise.all(names.map(async (name): Promise<ComparedMethod> => {
    const mine = trials.filter(({ variant }) => variant === name);
    const runs = await Promise.all(
      mine.flatMap((trial) => {
        const evaluation = done.get(trial);
        return evaluation ? [readMethodRun(trial.folder, evaluation)] : [];
      }),
    );
    return {
      name,
      method: mine[0]!.plan.method,
      runs,
      failures: mine.flatMap((trial) => {
        const why = failures.get(trial);
        return why === undefined ? [] : [`seed ${trial.seed} failed: ${why}`];
      }),
    };
  }));
}
