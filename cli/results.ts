/** Evaluations as files: what training and `eval --json` leave. */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { paperTable } from "../report/paper.ts";
import { isEvaluation } from "../run_folder/evaluation.ts";
import { readText, reason } from "./recipes.ts";

/** The evaluation after the last step, in a run folder. */
export const FINAL_EVALUATION = "evaluation.json";

/**
 * The evaluation of a run folder, or in a file. @param shown how the person calls it
 * @throws UserError when there is none, or the file holds something else
 */
export async function readEvaluation(path: string, shown: string): Promise<Evaluation> {
  let file = path, text: string;
  try {
    if ((await Deno.stat(path)).isDirectory) file = join(path, FINAL_EVALUATION);
    text = await readText(file);
  } catch (error) {
    const cause = error instanceof UserError ? error.cause : error;
    const missing = cause instanceof Deno.errors.NotFound && file !== path;
    const why = missing
      ? `it has no ${FINAL_EVALUATION}: its training did not come to its end, or had no val split`
      : reason(error);
    throw new UserError(`${shown}: ${why}`, { cause: error });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${shown}: it is not JSON; expected a run folder or what plca eval --json prints`, {
      cause,
    });
  }
  if (!isEvaluation(value)) {
    throw new UserError(`${shown}: it holds no evaluation; expected what plca eval --json prints`);
  }
  return value;
}

/** What `--paper` asks for. @throws UserError when the paper reports nothing about these classes */
export function requirePaper(classes: readonly string[]): void {
  if (paperTable(classes)) return;
  throw new UserError(
    `--paper: the paper reports on Cityscapes' 19 and SYNTHIA's 16 classes, these are others: ${
      classes.join(", ")
    }`,
  );
}
