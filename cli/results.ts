/** Evaluations as files: what training and `eval --json` leave. */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { reason } from "./recipes.ts";

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
    text = await Deno.readTextFile(file);
  } catch (cause) {
    const missing = cause instanceof Deno.errors.NotFound && file !== path;
    const why = missing
      ? `it has no ${FINAL_EVALUATION}: its training did not come to its end, or had no val split`
      : reason(cause);
    throw new UserError(`${shown}: ${why}`, { cause });
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

function isEvaluation(value: unknown): value is Evaluation {
  if (typeof value !== "object" || value === null) return false;
  const { classes, iou, miou, images, split, labelSize, subsets } = value as Partial<
    Record<keyof Evaluation, unknown>
  >;
  const isShare = (share: unknown) => typeof share === "number" && share >= 0 && share <= 1;
  return Array.isArray(classes) && classes.every((name) => typeof name === "string") &&
    Array.isArray(iou) && iou.length === classes.length &&
    iou.every((share) => share === null || isShare(share)) && isShare(miou) &&
    typeof images === "number" && typeof split === "string" && typeof labelSize === "string" &&
    (subsets === undefined ||
      Array.isArray(subsets) && subsets.every((each) => Array.isArray(each?.classes) && isShare(each.miou)));
}
