/** The logs that a recipe asks for beside `events.jsonl`. */
import type { RunPlan } from "../../core/plan.ts";
import { TENSORBOARD } from "../../run_folder/layout.ts";
import { classColours } from "../colours.ts";
import type { RunLogger } from "../logger.ts";
import { tensorBoard } from "./logger.ts";

export type { RunLogger, ValidatedImage } from "../logger.ts";

/** Undefined when the recipe asks for none. @param runDir the run's folder; `tensorboard` is made in it */
export function openLogger(plan: RunPlan, runDir: string): RunLogger | undefined {
  const { logs, labelSpace, input: { normalization } } = plan;
  if (logs === undefined) return undefined;
  const colours = classColours(labelSpace);
  return tensorBoard({ folder: `${runDir}/${TENSORBOARD}`, plan: logs, labelSpace, colours, normalization });
}
