/** The baseline that a run trained beside its adapted network. */
import { join } from "node:path";
import type { RunPlan } from "../core/plan.ts";
import { foldersOf, LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { runAround, stat } from "./run_folder.ts";

/**
 * The folder of the baseline's phase, absolute. Undefined where the checkpoint lies in no run, and where the
 * run has no baseline.
 * @param checkpoint absolute
 */
export async function baselineFolder(plan: RunPlan, checkpoint: string): Promise<string | undefined> {
  const run = await runAround(checkpoint);
  const at = plan.phases.findIndex(({ baseline }) => baseline);
  return run === undefined || at < 0 ? undefined : join(run, foldersOf(plan.phases)[at]!.folder);
}

/**
 * The baseline's last weights, absolute. Undefined where there are none, and for a checkpoint that is these.
 */
export async function baselineWeights(plan: RunPlan, checkpoint: string): Promise<string | undefined> {
  const folder = await baselineFolder(plan, checkpoint);
  if (folder === undefined) return undefined;
  const file = join(folder, LAST_CHECKPOINT);
  return file !== checkpoint && await stat(file) ? file : undefined;
}
