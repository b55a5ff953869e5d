/**
 * What a command that runs a recipe's own files may touch: known from the plan, before any of them is run.
 *
 * A plugin file is code, and a person may have it from somewhere. Deno gives permissions to a process and
 * less to a worker thread in it, so such a command works in two rounds. The first plans the recipe *without*
 * running its files (`planUnrun`) and so finds out everything that the training needs: the data's folders,
 * weights, the run folder, the libraries of the backend. The second runs the same command line in a thread
 * that may read and write just that, start no process, and use no network.
 *
 * What this does not give: backends that work on pointers need native calls of any kind, and code with those
 * can do anything. docs/reliability.md says so.
 */
import { createRequire } from "node:module";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { BACKENDS } from "../backends/mod.ts";
import { CUDA_DRIVERS } from "../backends/tensorflow/cuda.ts";
import { hasTensorflow, tensorflowFolder } from "../backends/tensorflow/place.ts";
import { ConfigError, UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { DatasetPlan } from "../core/plugin.ts";
import type { Grant, Host } from "./host.ts";
import { planUnrun, type RecipeChoice } from "./recipes.ts";
import { gitCommit, shown } from "./run_folder.ts";
import { ThreadFailure } from "./thread.ts";

/** Plans a recipe. */
export type Planner = (choice: RecipeChoice) => Promise<RunPlan>;

/** What a command is about to do. */
export interface Intent {
  readonly plans: readonly RunPlan[];
  /** Files and folders that it writes, absolute. */
  readonly write: readonly string[];
  /** The run's folder, made for it. */
  readonly folder?: string;
  /** Whether it calls native code through pointers, whatever the backend. */
  readonly pointers?: boolean;
}

/** How a command finds out what it is about to do. */
export interface Narrowed {
  /** What it reads besides what recipes name and what it writes, absolute. */
  readonly read?: readonly string[];
  /** Its planner runs none of the recipe's files. */
  intend(planned: Planner): Promise<Intent>;
}

/**
 * Finds out what the command is about to do, then runs it in a thread that may touch what that needs and no
 * more.
 * @returns the exit status
 * @throws UserError, also when a plugin file ended the thread
 */
export async function narrowly(host: Host, { read = [], intend }: Narrowed): Promise<number> {
  const recipes = new Set<string>(), losses = new Set<string>();
  const planned: Planner = (choice) =>
    planUnrun(host, {
      ...choice,
      onRecipe: (path) => recipes.add(path),
      onFile: (path) => losses.add(path),
    });
  const intent = await intend(planned).catch((error: unknown): Intent => {
    if (!(error instanceof ConfigError) || losses.size === 0) throw error;
    // The losses' own options are checked by their files only: the thread tells all mistakes at once.
    return { plans: [], write: [] };
  });
  const { folder } = intent;
  // MPI is found by its name and works on pointers.
  const pointers = intent.pointers === true || host.job !== undefined;
  const grant = grantFor({ ...intent, pointers, read: [...recipes, ...read] }, [...losses]);
  try {
    const commit = await gitCommit();
    return await host.narrowed!(grant, { commit, ...(folder === undefined ? {} : { folder }) });
  } catch (error) {
    if (!(error instanceof ThreadFailure) || losses.size === 0) throw error;
    throw blaming(host, error, [...losses]);
  }
}

/**
 * The error for a training that was ended from outside its steps, as by a timer of a plugin file. @param
 * losses files that may have done it, absolute
 */
export function blaming(host: Host, error: ThreadFailure, losses: readonly string[]): UserError {
  const files = losses.map((file) => shown(host, file)).join(", ");
  return new UserError(`the training ended by ${error.message}; look for it in ${files}`, { cause: error });
}

/**
 * The permissions that an intent needs: plca and its packages to read, what recipes name to read, what it
 * writes to write, and the native libraries of its backends.
 * @param losses plugin files that will be run, absolute
 * @param tensorflow where TensorFlow is if it is installed, absolute
 */
export function grantFor(
  { plans, write, read = [], pointers = false }:
    & Pick<Intent, "plans" | "write" | "pointers">
    & Pick<Narrowed, "read">,
  losses: readonly string[] = [],
  tensorflow: string = tensorflowFolder(),
): Grant {
  const own = [resolve(fileURLToPath(new URL("..", import.meta.url))), packages()];
  // It may be a link to another disk.
  if (!isBelow(target(tensorflow), own[0]!)) own.push(tensorflow);
  // Without a driver `auto` leaves TensorFlow alone.
  const looksForCuda = plans.some(({ backend }) => backend === "auto") && hasTensorflow(tensorflow);
  if (looksForCuda) own.push(...CUDA_DRIVERS);
  return {
    read: withTargets([...own, ...read, ...namedPaths(plans, losses), ...write]),
    write: withTargets(write),
    libraries: pointers || plans.some(worksOnPointers) ? "any" : withTargets([packages(), tensorflow]),
  };
}

/** These paths and, since some calls look at where symbolic links lead, their targets. */
function withTargets(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, target(path)]))];
}

/** Where a path leads after links; for one that is not there yet, where it will be. */
function target(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(target(parent), basename(path));
  }
}

/** Whether a backend that the plan names, or that `auto` may choose, calls native code through pointers. */
function worksOnPointers({ backend }: RunPlan): boolean {
  return BACKENDS.some(({ name, pointers }) => pointers && (backend === "auto" || backend === name));
}

/**
 * Files and folders, absolute, that training reads because its recipe names them; none lies inside another.
 * @param losses plugin files, absolute: a file may import its neighbours, so their folders count
 */
export function namedPaths(plans: readonly RunPlan[], losses: readonly string[]): string[] {
  // A loss may import its neighbours.
  const all = [...new Set([...losses.map((file) => dirname(file)), ...plans.flatMap(dataOf)])];
  return all.filter((path) => !all.some((other) => path !== other && isBelow(path, other)));
}

/** Whether a path lies in a folder, at any depth, or is it. */
function isBelow(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return !inside.startsWith("..") && !isAbsolute(inside);
}

/** Everything that a plan names outside the run: data, statistics, weights, checkpoints. */
function dataOf({ data, input, model, phases, evaluation }: RunPlan): string[] {
  const named = (dataset: DatasetPlan) => (dataset.paths ?? []).map((path) => resolve(data.root, path));
  const streams = phases.flatMap((phase) => phase.streams);
  const weights = phases.flatMap(({ from, networks }) => [
    ...(from.kind === "file" ? [from.path] : []),
    ...networks.flatMap((network) => network.weights?.file ?? []),
  ]);
  return [
    ...(data.root === "" ? [] : [data.root]),
    ...[data.source, data.target, ...Object.values(data.splits)].flatMap(named),
    ...(input.rareClassSampling?.stats === undefined ? [] : [input.rareClassSampling.stats]),
    ...streams.flatMap((stream) => "dataset" in stream ? named(stream.dataset) : []),
    ...(model.weights === undefined ? [] : [model.weights.file]),
    ...weights,
    ...(evaluation.ensemble ?? []).map(({ checkpoint }) => checkpoint),
  ];
}

/** The folder with every npm package: Deno's cache, or the outermost `node_modules`. */
function packages(): string {
  const inside = dirname(createRequire(import.meta.url).resolve("yaml"));
  const around: string[] = [];
  for (let folder = inside; folder !== dirname(folder); folder = dirname(folder)) around.push(folder);
  const named = (name: string) => (folder: string) => basename(folder) === name;
  // Inside of the outermost node_modules, packages may have one each.
  return around.findLast(named("node_modules")) ?? around.find(named("npm")) ?? inside;
}
