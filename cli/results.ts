/** Evaluations as files: what training and `eval --json` leave. */
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { reason } from "../core/words.ts";
import { paperTable } from "../report/paper.ts";
import { parseEvaluation, readEvaluation } from "../run_folder/evaluation.ts";
import { diskRun } from "../run_folder/files.ts";
import { EVALUATION } from "../run_folder/layout.ts";
import { readText } from "./recipes.ts";

/** The evaluation of a run folder; undefined before there is one. @param shown how the person calls it @throws UserError when it is damaged */
export async function evaluationIn(folder: string, shown: string): Promise<Evaluation | undefined> {
  try {
    return await readEvaluation(diskRun(folder));
  } catch (cause) {
    throw new UserError(`${shown}: ${EVALUATION}: ${reason(cause)}`, { cause });
  }
}

/**
 * The evaluation of a run folder, or in a file. @param shown how the person calls it
 * @throws UserError when there is none, or the file holds something else
 */
export async function evaluationAt(path: string, shown: string): Promise<Evaluation> {
  let text: string;
  try {
    if ((await Deno.stat(path)).isDirectory) {
      const found = await evaluationIn(path, shown);
      if (found) return found;
      throw new UserError(
        `it has no ${EVALUATION}: its training did not come to its end, or had no val split`,
      );
    }
    text = await readText(path);
  } catch (cause) {
    throw new UserError(`${shown}: ${reason(cause)}`, { cause });
  }
  try {
    return parseEvaluation(text);
  } catch (cause) {
    throw new UserError(
      `${shown}: ${reason(cause)}; expected a run folder or what plca eval --json prints`,
      { cause },
    );
  }
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
