import type { TrainEvent } from "../core/events.ts";
import type { PhasePlan } from "../core/plan.ts";
import type { Place } from "../core/world.ts";
import type { FileReader } from "../core/plugin.ts";
import type { Input } from "../datasets/input.ts";
import { assemble, type Run } from "./assemble.ts";
import { type JobPlace, standIn } from "./jobs.ts";
import {
  close,
  jobsBehind,
  keptCounts,
  nextBatches,
  openLoaders,
  openStreams,
  streamsToRead,
} from "./loaders.ts";
import { initialise } from "./start.ts";
import { trainStep } from "./step.ts";

/** What a rehearsal needs. */
export interface Rehearsal extends JobPlace {
  readonly input: Input;
  /** How files of weights are read. */
  readonly files: FileReader;
  readonly signal: AbortSignal;
  readonly emit: (event: TrainEvent) => void;
  /** The part of every batch that it is tried with. */
  readonly share: Place;
}

/**
 * Reads a phase's files of weights and makes one step, and throws the result away, so that a file that does not fit and a term
 * that cannot work are known before another phase is trained. @throws DataError, LossError, UserError
 */
export async function rehearse(phase: PhasePlan, options: Rehearsal): Promise<void> {
  const run = assemble(options.plan, phase);
  try {
    // What the phase before will leave is not there yet.
    const from = phase.from.kind === "phase" ? { kind: "seed" } as const : phase.from;
    await initialise(run, { ...options, phase: { ...phase, from }, emit: () => {} });
    await tryStep(run, options);
  } finally {
    run.dispose();
  }
}

/** Does nothing when a job will make its images out of nothing. */
async function tryStep(run: Run, { plan, runDir, input, signal, emit, share }: Rehearsal): Promise<void> {
  const { phase } = run;
  const wanted = streamsToRead(phase);
  const left = new Map(
    wanted.flatMap((stream) => jobsBehind(phase, stream)).map((job) =>
      [job, standIn({ plan, runDir }, job)] as const
    ),
  );
  if ([...left.values()].includes(undefined)) return;
  const streams = await openStreams(wanted, {
    phase,
    input,
    jobDataset: (job) => left.get(job)!,
    kept: keptCounts(runDir, {
      note: (message) => emit({ type: "note", phase: phase.name, message }),
      signal,
    }),
  });
  const loaders = openLoaders(plan, { phase, streams, skip: 0, share });
  try {
    const passes = [await nextBatches(loaders)];
    await trainStep(run, { step: 0, steps: phase.training.steps, passes, multiplier: 0 });
  } finally {
    close(loaders);
  }
}
