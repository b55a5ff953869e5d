import type { PhasePlan, RunPlan } from "../core/plan.ts";
import type { Input } from "../datasets/input.ts";
import { assemble } from "./assemble.ts";
import { close, nextBatches, openLoaders, openStreams, streamsToRead } from "./loaders.ts";
import { trainStep } from "./step.ts";

/**
 * Makes one step of a phase and throws the result away, so that a term that cannot work is known before
 * another phase is trained. @throws DataError, LossError
 */
export async function rehearse(plan: RunPlan, phase: PhasePlan, input: Input): Promise<void> {
  const wanted = streamsToRead(phase);
  // What a job will leave is not there yet.
  if (wanted.some((stream) => "job" in stream)) return;
  const streams = await openStreams(wanted, input, () => {
    throw new Error("no job was done");
  });
  const loaders = openLoaders(plan, { phase, streams, skip: 0 });
  try {
    const run = assemble(plan, phase);
    try {
      const passes = [await nextBatches(loaders)];
      await trainStep(run, { step: 0, steps: phase.training.steps, passes, multiplier: 0 });
    } finally {
      run.dispose();
    }
  } finally {
    close(loaders);
  }
}
