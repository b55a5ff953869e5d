/**
 * A rehearsal: one step of a phase that will be trained later, with weights that are thrown away. A run of
 * several phases would else meet a missing file or a faulty loss of its last phase after hours.
 *
 * train/mod.ts calls it for every later phase before the first one trains. It must leave nothing behind: no
 * file, no variable, and no number that was drawn from a stream of the run's.
 */
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
  /** The part of every batch that the step takes. */
  readonly share: Place;
}

/**
 * Reads a phase's files of weights, makes one step with learning rate 0, and frees everything. Weights of an
 * earlier phase do not exist yet; the seed's take their place.
 * @throws DataError, LossError, UserError as the phase itself would throw them
 */
export async function rehearse(phase: PhasePlan, options: Rehearsal): Promise<void> {
  const run = assemble(options.plan, phase);
  try {
    const from = phase.from.kind === "phase" ? { kind: "seed" } as const : phase.from;
    await initialise(run, { ...options, phase: { ...phase, from }, emit: () => {} });
    await tryStep(run, options);
  } finally {
    run.dispose();
  }
}

/**
 * Makes the step. Does nothing where a job that reads no stream will make the images: they are unknown yet.
 */
async function tryStep(run: Run, { plan, runDir, input, signal, emit, share }: Rehearsal): Promise<void> {
  const { phase } = run;
  const wanted = streamsToRead(phase);
  const standIns = new Map(
    wanted.flatMap((stream) => jobsBehind(phase, stream)).map((job) =>
      [job, standIn({ plan, runDir }, job)] as const
    ),
  );
  if ([...standIns.values()].includes(undefined)) return;
  const streams = await openStreams(wanted, {
    phase,
    input,
    jobDataset: (job) => standIns.get(job)!,
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
