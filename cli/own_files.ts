/**
 * `--import` of commands that train nothing: a network, dataset or other plugin that lies in a file of the
 * recipe's author is run, but only when the person says so, and only in a thread that may touch what the
 * command needs. Without it no code of a recipe is run, so that a recipe from a stranger can be evaluated.
 */
import { dirname } from "node:path";
import type { RunPlan } from "../core/plan.ts";
import type { Weights } from "./choose_weights.ts";
import type { Host } from "./host.ts";
import { narrowly } from "./narrow.ts";
import { planOf, planUnrun, type RecipeChoice } from "./recipes.ts";

/** What such a command is about to do. */
export interface OwnFilesWanted {
  /** `--import`. */
  readonly import: boolean;
  readonly weights: Weights;
  readonly choice: RecipeChoice;
  /** Files and folders, absolute, that it reads beside the recipe, the weights and what the recipe names. */
  readonly read?: readonly string[];
  /** Files and folders, absolute, that it writes. */
  readonly write?: readonly string[];
  /** Whether it calls native code through pointers, whatever the backend. */
  readonly pointers?: boolean;
}

/**
 * Runs this command line once more in such a thread and returns its exit status; undefined where the command
 * goes on itself: without `--import`, and in the thread. @throws UserError
 */
export async function inNarrowThread(
  host: Host,
  { import: wanted, weights, choice, read = [], write = [], pointers = false }: OwnFilesWanted,
): Promise<number | undefined> {
  if (!wanted || !host.narrowed) return undefined;
  return await narrowly(host, {
    // A run's weights are found by what else lies in its folder.
    read: [weights.checkpoint, dirname(weights.checkpoint), dirname(weights.recipe), ...read],
    intend: async (planned) => ({ plans: [await planned(choice)], write, pointers }),
  });
}

/** The plan, with the recipe's own files where they may be run. @throws UserError */
export function planFor(
  host: Host,
  args: { readonly import: boolean },
  choice: RecipeChoice,
): Promise<RunPlan> {
  return args.import ? planOf(host, choice) : planUnrun(host, choice);
}
