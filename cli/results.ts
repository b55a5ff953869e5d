/** Evaluations as files: what training and `eval --json` leave. */
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { reason } from "../core/words.ts";
import { paperTable } from "../report/paper.ts";
import { parseEvaluation } from "../run_folder/evaluation.ts";
import { diskRun, readText as readRunText } from "../run_folder/files.ts";
import { EVALUATION } from "../run_folder/layout.ts";
import { readText } from "./recipes.ts";

/**
 * The evaluation of a run folder, or of a file that `plca eval --json` wrote.
 * @param shown how the person calls it
 * @throws UserError when there is none, or the file holds something else
 */
export async function readResult(path: string, shown: string): Promise<Evaluation> {
  const failed = (cause: unknown, more = "") => new UserError(`${shown}: ${reason(cause)}${more}`, { cause });
  let text: string | undefined;
  try {
    const isRun = (await Deno.stat(path)).isDirectory;
    text = isRun ? await readRunText(diskRun(path), EVALUATION) : await readText(path);
  } catch (cause) {
    throw failed(cause instanceof Deno.errors.NotFound ? "there is no such run folder or file" : cause);
  }
  if (text === undefined) {
    throw failed(`it has no ${EVALUATION}: its training did not come to its end, or had no val split`);
  }
  try {
    return parseEvaluation(text);
  } catch (cause) {
    throw failed(cause, "; expected a run folder or what plca eval --json prints");
  }
}

/**
 * Checks that `--paper` has something to add. @throws UserError when the paper reports nothing about these
 * classes
 */
export function requirePaper(classes: readonly string[]): void {
  if (paperTable(classes)) return;
  throw new UserError(
    `--paper: the paper reports on Cityscapes' 19 and SYNTHIA's 16 classes, these are others: ${
      classes.join(", ")
    }`,
  );
}
