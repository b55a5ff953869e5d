import type { RunPlan } from "../core/plan.ts";
import type { Course } from "../report/time_left.ts";
import { phaseFolders } from "../run_folder/layout.ts";

/** What a plan says of how its run will go. */
export function courseOf({ resolved, training, data, evaluation }: RunPlan): Course {
  const { aggregation, flip, scales } = evaluation;
  return {
    phases: phaseFolders(resolved).map(({ name }) => name),
    validateEvery: training.validateEvery,
    checkpointEvery: training.checkpointEvery,
    validates: data.splits.val !== undefined,
    evaluatesOnce: aggregation !== undefined || flip === true || scales !== undefined,
  };
}
