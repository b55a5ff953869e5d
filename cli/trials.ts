/**
 * Trials: variants of an objective, each a recipe laid on one data recipe, with several seeds. `ablate` and
 * `compare` train them.
 *
 * A trial is named by variant and seed, and its folder follows from that name. So a second call finds what
 * the first one did: a folder with an evaluation is finished, one with a record is resumed. That is safe only
 * if the recipe is the same, which is compared as text.
 */
import { basename, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import type { RunPlan } from "../core/plan.ts";
import { reason } from "../core/words.ts";
import { configText } from "../run_folder/config.ts";
import { CONFIG, EVALUATION } from "../run_folder/layout.ts";
import type { Host } from "./host.ts";
import type { Planner } from "./narrow.ts";
import { readText } from "./recipes.ts";
import { readResult, requirePaper } from "./results.ts";
import { shown, stat } from "./run_folder.ts";

/** One training: a variant with a seed. */
export interface Trial {
  readonly variant: string;
  readonly seed: number;
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
}

/** The arguments that both commands take. */
export interface TrialArguments {
  /** What every variant is laid on. */
  readonly recipe: string;
  /** Separated by commas. */
  readonly seeds: string;
  /** Instead of the recipe's; of which phases, {@linkcode TrialsWanted} says. */
  readonly steps: number | undefined;
  readonly set: readonly string[];
  readonly out: string | undefined;
  readonly runs: string;
  readonly paper: boolean;
}

/** The folder of all runs, absolute. @param kind begins its name unless `--out` gives one */
export function outOf(host: Host, { recipe, out, runs }: TrialArguments, kind: string): string {
  const stem = basename(recipe).replace(/\.ya?ml$/, "");
  return resolve(host.cwd, out ?? join(runs, `${kind}-${stem}`));
}

/** Which trials are planned. */
export interface TrialsWanted {
  readonly args: TrialArguments;
  /** How the person called them. */
  readonly given: string;
  /** Recipes of the variants, absolute. */
  readonly files: readonly string[];
  /** The folder of all runs, absolute. */
  readonly out: string;
  readonly planned: Planner;
  /**
   * Whose steps `--steps` replaces: those of `each phase`, or the `recipe`'s, of which phases with a `length`
   * keep their share.
   */
  readonly stepsOf: "each phase" | "recipe";
}

/**
 * Plans all trials, all variants of one seed first, so that what was interrupted can be compared already.
 * @throws UserError for seeds that are none, a recipe without a val split, variants of one name, phases that
 *   `--steps` cannot shorten, and every mistake of a recipe
 */
export async function planTrials(wanted: TrialsWanted): Promise<Trial[]> {
  const { args, given, files, out } = wanted;
  const seeds = args.seeds.split(",").map((seed) => /^\d+$/.test(seed) ? Number(seed) : NaN);
  if (seeds.some(Number.isNaN) || new Set(seeds).size < seeds.length) {
    throw new UserError(`--seeds ${args.seeds}: expected different whole numbers from 0 on, as in 0,1,2`);
  }
  const trials: Trial[] = [];
  for (const file of files) {
    for (const seed of seeds) {
      const plan = await planTrial(file, seed, wanted);
      if (!plan.data.splits.val) {
        throw new UserError(`${args.recipe}: it has no val split, so variants cannot be compared`);
      }
      if (args.paper) requirePaper(plan.labelSpace.classes);
      const twin = trials.find(({ variant, seed: other }) => variant === plan.name && other === seed);
      if (twin) throw new UserError(`${given}: two variants are called "${plan.name}"`);
      trials.push({ variant: plan.name, seed, plan, folder: join(out, `${plan.name}-${seed}`) });
    }
  }
  return seeds.flatMap((seed) => trials.filter((trial) => trial.seed === seed));
}

/**
 * Plans one variant with one seed on the data recipe, without its baseline, which is a variant of its own
 * here.
 */
async function planTrial(
  path: string,
  seed: number,
  { args, planned, stepsOf }: TrialsWanted,
): Promise<RunPlan> {
  const plan = (more: readonly string[]) =>
    planned({ path, overrides: ["baseline=", ...args.set, ...more, `seed=${seed}`], base: args.recipe });
  const { steps } = args;
  if (steps === undefined) return await plan([]);
  const whole = await plan([`training.steps=${steps}`]);
  if (stepsOf === "recipe") {
    const longer = await plan([`training.steps=${MUCH * steps}`]);
    const own = whole.phases.find(({ training }, k) => training.steps === longer.phases[k]!.training.steps);
    if (own === undefined) return whole;
    throw new UserError(
      `--steps ${steps}: the phase "${own.name}" of ${whole.name} has ${own.training.steps} steps of its own; give it a ` +
        "length, its share of the recipe's steps, instead",
    );
  }
  // Its phases may have steps of their own.
  return whole.phases.every(({ training }) => training.steps === steps)
    ? whole
    : await plan(whole.phases.map((_, k) => `phases[${k}].training.steps=${steps}`));
}

/** Of so many times the recipe's steps every share is longer; steps of a phase's own are not. */
const MUCH = 1e6;

/**
 * The recipes in a folder, absolute, in the order of their names. @param given how the person called it
 * @throws UserError when there is none
 */
export async function recipeFiles(folder: string, given: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (/\.ya?ml$/.test(entry.name)) files.push(entry.name);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "there is no such folder"
      : cause instanceof Deno.errors.NotADirectory
      ? "it is a file, expected a folder"
      : reason(cause);
    throw new UserError(`${given}: ${why}`, { cause });
  }
  if (files.length === 0) throw new UserError(`${given}: the folder holds no .yaml file`);
  return files.sort().map((file) => join(folder, file));
}

/**
 * The evaluations of trials that an earlier call brought to their end. @throws UserError when an earlier call
 * began one with another recipe
 */
export async function finishedTrials(host: Host, trials: readonly Trial[]): Promise<Map<Trial, Evaluation>> {
  const done = new Map<Trial, Evaluation>();
  for (const trial of trials) {
    await requireSameRecipe(host, trial);
    if (!await stat(join(trial.folder, EVALUATION))) continue;
    done.set(trial, await readResult(trial.folder, shown(host, trial.folder)));
  }
  return done;
}

/** A sentence about trials that are not all done. */
export function interruptedText(done: number, trials: number): string {
  return `Interrupted with ${done} of ${trials} runs finished; the same command goes on.`;
}

/** @throws UserError when the trial's folder holds a run of another recipe */
async function requireSameRecipe(host: Host, { plan, folder }: Trial): Promise<void> {
  const config = join(folder, CONFIG);
  if (!await stat(config) || await readText(config) === configText(plan.resolved)) return;
  throw new UserError(
    `${shown(host, folder)} was trained with another recipe or other settings; choose another --out`,
  );
}
