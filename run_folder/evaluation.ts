/**
 * `evaluation.json` of a phase: how well its network does after the last step.
 *
 * train/mod.ts writes it; tables, reports, `plca export --hub` and the end of `plca train` read it. A
 * stranger's folder may hold anything under that name, so whatever is shown of it is checked.
 */
import type { Evaluation } from "../core/events.ts";
import { isShare } from "./event.ts";
import { parseObject, readText, type RunFiles } from "./files.ts";
import { EVALUATION, within } from "./layout.ts";

/** An evaluation as the file holds it. */
export interface StoredEvaluation extends Evaluation {
  /** The phase's name; absent in what `plca eval --json` prints. */
  readonly phase?: string;
}

/**
 * Reads the evaluation of a phase.
 * @param folder the phase's folder in the run
 * @returns undefined when there is none
 * @throws Error that says what is wrong with the file
 */
export async function readEvaluation(files: RunFiles, folder = ""): Promise<StoredEvaluation | undefined> {
  const text = await readText(files, within(folder, EVALUATION));
  return text === undefined ? undefined : parseEvaluation(text);
}

/** An evaluation from JSON. @throws Error when the text holds something else */
export function parseEvaluation(text: string): StoredEvaluation {
  const value = parseObject(text);
  if (!isEvaluation(value)) throw new Error("it holds no evaluation");
  return value;
}

/** Whether a value from a file is an evaluation as far as it is shown: its classes, shares and counts. */
function isEvaluation(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & StoredEvaluation {
  const { classes, iou, miou, images, split, labelSize, subsets, phase } = value;
  const isScore = (score: unknown) => score === null || isShare(score);
  return Array.isArray(classes) && classes.every((name) => typeof name === "string") &&
    Array.isArray(iou) && iou.length === classes.length &&
    iou.every(isScore) && isScore(miou) &&
    (phase === undefined || typeof phase === "string") &&
    typeof images === "number" && typeof split === "string" && typeof labelSize === "string" &&
    (subsets === undefined ||
      Array.isArray(subsets) && subsets.every((each) => Array.isArray(each?.classes) && isScore(each.miou)));
}
