import { lastPhase, type RunPlan } from "../core/plan.ts";
import type { Course } from "../report/time_left.ts";

/** What a plan says of how its run will go. */
export function courseOf(plan: RunPlan): Course {
  const { phases, data, evaluation: { aggregation, flip, scales, ensemble } } = plan;
  const { training } = lastPhase(plan);
  return {
    phases: phases.map(({ name }) => name),
    validateEvery: training.validateEvery,
    checkpointEvery: training.checkpointEvery,
    validates: data.splits.val !== undefined,
    evaluatesOnce: aggregation !== undefined || flip === true || scales !== undefined ||
      ensemble !== undefined,
  };
}
