/**
 * One phase of a run, from opening its data to freeing its variables. `train/mod.ts` calls it for each phase.
 *
 * The order is fixed, since a resumed run must do the same things in the same order: data is opened;
 * variables are made; weights are read, or a checkpoint; the jobs are done; streams that read what jobs left
 * are opened; the `begin` hooks run; then the steps (loop.ts). A phase that continues from a checkpoint skips
 * jobs and `begin` hooks, since what they left is in files and buffers.
 *
 * With several processes all of them run this file. They do the same in the same order; only the first one
 * writes files, and what may fail in one of them alone is wrapped into `team.each`, which makes all of them
 * throw the same error.
 */
import { CHECKPOINTS } from "../run_folder/layout.ts";
import { makeFolder } from "../run_folder/write.ts";
import { assemble } from "./assemble.ts";
import { beginHooks } from "./begin.ts";
import { openLabelled } from "./diagnostics.ts";
import { openSplit } from "./evaluate.ts";
import { jobDataset, requireAsLeft, runJobs } from "./jobs.ts";
import { LabelWatch } from "./label_watch.ts";
import { PaddingWatch } from "./padding_watch.ts";
import {
  close,
  jobsBehind,
  keptCounts,
  type Loaders,
  openLoaders,
  openStreams,
  streamsToRead,
} from "./loaders.ts";
import { Loop, type PhaseOptions, type PhaseResult } from "./loop.ts";
import { tellPassedOver } from "./passed_over.ts";
import { initialise, restore } from "./start.ts";
import { openMembers } from "./trained.ts";

/**
 * Trains a phase or, with `from`, continues it as if it had never stopped. Data is opened before a variable
 * is allocated, so that a wrong path costs no time. All processes must call it.
 * @throws DataError, LossError, UserError. Once a step is done, the last good weights are written first
 */
export async function trainPhase(options: PhaseOptions): Promise<PhaseResult> {
  const { plan, phase, input, signal, emit, from } = options;
  const wanted = streamsToRead(phase);
  const note = (message: string) => emit({ type: "note", phase: phase.name, message });
  const { team } = options;
  const kept = keptCounts(options.runDir, { note, signal });
  const opening = { phase, input, kept, jobDataset: (name: string) => jobDataset(options, name) };
  const [now, later] = [false, true].map((wait) =>
    wanted.filter((stream) => jobsBehind(phase, stream).length > 0 === wait)
  );
  const streams = [...await team.firstThenOthers(() => openStreams(now!, opening))];
  const { validation, labelled } = await team.each(async () => {
    const validation = plan.data.splits.val && await openSplit(plan, "val", input);
    const labelled = await openLabelled(options, streams);
    if (!from) tellPassedOver(streams, validation, options);
    // The files of the last evaluation are opened once now: a wrong path must not fail after hours of
    // training.
    if (validation) (await openMembers(plan, options.files)).dispose();
    if (team.leads) await makeFolder(`${options.folder}/${CHECKPOINTS}`);
    return { validation, labelled };
  });
  const run = assemble(plan, phase);
  let loaders: Loaders = new Map();
  try {
    const end = (): PhaseResult => {
      emit({ type: "end", phase: phase.name, step: 0, interrupted: true });
      return { steps: 0, interrupted: true };
    };
    if (from) await team.each(() => restore(run, from, options));
    else {
      await team.each(() => initialise(run, options));
      const jobs = () => runJobs({ ...options, network: run.segmenter, note });
      if (await stopped(signal, jobs)) return end();
    }
    if (options.resume) {
      for (const job of new Set(later!.flatMap((stream) => jobsBehind(phase, stream)))) {
        await team.each(() => requireAsLeft(options, job));
      }
    }
    streams.push(...await team.firstThenOthers(() => openStreams(later!, opening)));
    if (!from) {
      const ended = await stopped(signal, () => beginHooks(run, { plan, phase, streams, team, note }));
      if (ended) return end();
    }
    const skip = (from?.state.step ?? 0) * phase.training.accumulation;
    loaders = await team.each(() => openLoaders(plan, { phase, streams, skip, share: team.world }));
    const watches = [new LabelWatch(streams, plan.labelSpace.ignore), new PaddingWatch()];
    return await new Loop(run, { ...options, validation, loaders, labelled, watches }).train();
  } finally {
    close(loaders);
    for (const lookup of labelled.values()) lookup.close();
    run.dispose();
  }
}

/** Does something that may take long. @returns whether it ended early because the run shall stop */
async function stopped(signal: AbortSignal, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (!signal.aborted) throw error;
    return true;
  }
}
