/**
 * Errors of a training with what the person can do about them: the command that finds every broken file, the
 * setting that says where moved data lies now, the plugin files that may have thrown outside of a step.
 */
import { join } from "node:path";
import { DataError, UserError } from "../../core/errors.ts";
import { plannedParts, type RunPlan } from "../../core/plan.ts";
import { IMAGES } from "../../datasets/image_files.ts";
import { CONFIG } from "../../run_folder/layout.ts";
import { commandLine, shellWord } from "../command_line.ts";
import type { CommandOf } from "../grammar.ts";
import type { Host } from "../host.ts";
import { blaming } from "../narrow.ts";
import { shown } from "../run_folder.ts";
import { lateFailure, wordsOf } from "../thread.ts";
import { whenMoved } from "./moved_data.ts";

/** The training that failed. */
export interface FailedTraining {
  readonly plan: RunPlan;
  /** Absolute. */
  readonly folder: string;
  readonly resume: boolean;
  /** Whether a step was made. */
  readonly stepped: boolean;
  /** Whether the run folder was removed, so that it has no recipe to name. */
  readonly removed: boolean;
  readonly args: CommandOf<"train">;
}

/** An error of the training, with advice where there is some; else the error as it is. */
export function withAdvice(
  host: Host,
  error: unknown,
  { plan, folder, resume, stepped, removed, args }: FailedTraining,
): unknown {
  if (
    resume && !stepped && error instanceof DataError &&
    /there is no such (?:file|folder)/.test(error.message)
  ) {
    const advice = whenMoved(host, { plan, folder, file: error.file });
    return new UserError(`${error.message}\n${advice}`, { cause: error });
  }
  return isOfData(error, { model: plan.model, folder, begun: stepped })
    ? withDataCheck(host, error, removed ? recipeWords(args) : shown(host, join(folder, CONFIG)))
    : error;
}

/** An error of an unknown step: it names the user's files, since one of them may have caused it. */
export function lateError(host: Host, { phases }: RunPlan, error: unknown): Error {
  const { message, stack } = wordsOf(error);
  const failure = lateFailure(message, stack);
  const files = phases.flatMap(plannedParts).flatMap(({ file }) => file ?? []);
  return files.length === 0 ? failure : blaming(host, failure, [...new Set(files)]);
}

/**
 * Whether an error is about a file of the datasets, of which more may be broken: an image that was read, or
 * any file once steps were made. Mistakes of lists and folders are all reported when these are opened.
 */
function isOfData(
  error: unknown,
  { model, folder, begun }: { model: RunPlan["model"]; folder: string; begun: boolean },
): error is DataError {
  return error instanceof DataError && error.file !== model.weights?.file && !error.file.startsWith(folder) &&
    (begun || IMAGES.test.test(error.file));
}

function withDataCheck(host: Host, error: DataError, recipe: string): UserError {
  const message = `${error.message}\n${
    commandLine(host, `data check ${recipe}`)
  } names every broken file at once`;
  return new UserError(message, { cause: error });
}

/** The recipe as the person gave it, for another command. */
function recipeWords({ recipe = "street", set }: CommandOf<"train">): string {
  return [recipe, ...set.flatMap((each) => ["--set", each])].map(shellWord).join(" ");
}
