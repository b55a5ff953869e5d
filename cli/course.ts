import type { RunPlan } from "../core/plan.ts";
import type { Course } from "../report/time_left.ts";

/** The course that a run of a plan will take (phases, validations, checkpoints), to estimate the time left. */
export function courseOf(plan: RunPlan): Course {
  const { phases, data, evaluation: { aggregation, flip, scales, ensemble } } = plan;
  return {
    phases: phases.map(({ name, training: { steps, validateEvery, checkpointEvery } }) => (
      { name, steps, validateEvery, checkpointEvery }
    )),
    validates: data.splits.val !== undefined,
    evaluatesOnce: aggregation !== undefined || flip === true || scales !== undefined ||
      ensemble !== undefined,
  };
}
