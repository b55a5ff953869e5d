/**
 * One phase of a run: steps, validations and checkpoints, until the last step or until the run shall stop.
 *
 * The order within a phase is fixed, since a resumed run must do the same things in the same order: data is
 * opened; variables are made; weights are read, or a checkpoint; the jobs are done; streams that read what
 * jobs left are opened; the `begin` hooks run; then the steps. After a step come its hooks and its event,
 * then a validation if one is due, then a checkpoint if one is due. A run that is stopped ends between two
 * steps and writes a checkpoint. A phase that continues from a checkpoint skips jobs and `begin` hooks, since
 * what they left is in files and buffers.
 *
 * With several processes all of them run this file. They do the same in the same order; only the first one
 * writes files, and what may fail in one of them alone is wrapped into `team.each`, which makes all of them
 * throw the same error.
 */
import { setImmediate } from "node:timers/promises";
import { DataError, LossError, UserError } from "../core/errors.ts";
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { MovedMemory } from "../core/memory.ts";
import type { Measure, PhasePlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import type { BatchLookup } from "../datasets/loader.ts";
import type { RunLogger } from "../report/logger.ts";
import { checkpointFile, CHECKPOINTS } from "../run_folder/layout.ts";
import { makeFolder } from "../run_folder/write.ts";
import { assemble, type Run } from "./assemble.ts";
import { beginHooks } from "./begin.ts";
import { saveCheckpoint } from "./checkpoint.ts";
import type { Batches } from "./context.ts";
import {
  batchesAt,
  measureStep,
  memoryValues,
  openLabelled,
  type Stopwatch,
  stopwatch,
  type Values,
} from "./diagnostics.ts";
import { openSplit } from "./evaluate.ts";
import { jobDataset, type JobPlace, requireAsLeft, runJobs } from "./jobs.ts";
import { LabelWatch } from "./label_watch.ts";
import {
  close,
  jobsBehind,
  keptCounts,
  type Loaders,
  nextBatches,
  openLoaders,
  openStreams,
  streamsToRead,
} from "./loaders.ts";
import { describePlanned, messageOf } from "./loss_errors.ts";
import { Pace } from "./pace.ts";
import { tellPassedOver } from "./passed_over.ts";
import { stepRate } from "./rate.ts";
import type { ResumePoint } from "./resume.ts";
import { initialise, restore } from "./start.ts";
import { requireAlike, UnlikeWeights } from "./alike.ts";
import { trainStep } from "./step.ts";
import type { Team } from "./together.ts";
import { openMembers } from "./trained.ts";
import { Validation } from "./validation.ts";

/** What training a phase needs. */
export interface PhaseOptions extends JobPlace {
  readonly phase: PhasePlan;
  /** The folder of the phase; `checkpoints` is made in it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** How files of weights are read. */
  readonly files: FileReader;
  readonly input: Input;
  readonly emit: (event: TrainEvent) => void;
  /** The log that the recipe's `logs` asks for; absent when it asks for none. */
  readonly logger?: RunLogger | undefined;
  /** Whether jobs that an earlier process completed are not repeated. */
  readonly resume: boolean;
  /** Notes on files that are not read which were given already; a note is added once in a run. */
  readonly told: Set<string>;
  /** The checkpoint to continue from; absent: the phase begins. */
  readonly from?: ResumePoint | undefined;
  /** The processes of the run. Its signal is `signal`. */
  readonly team: Team;
  /** What the backend moved out of its heap so far; absent for backends that move nothing. */
  readonly moved?: (() => MovedMemory) | undefined;
}

/** Number of steps after which processes compare their weights. */
const COMPARED_EVERY = 50;

/** How a phase ended. */
export interface PhaseResult {
  /** Steps done. */
  readonly steps: number;
  readonly interrupted: boolean;
  /** The evaluation after the last step; absent without a `val` split or when interrupted. */
  readonly final?: Evaluation;
  /** The best validation, mIoU in 0..1; absent when none had an mIoU. */
  readonly best?: { readonly step: number; readonly miou: number };
}

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
    const watch = new LabelWatch(streams, plan.labelSpace.ignore);
    return await new Phase(run, { ...options, validation, loaders, labelled, watch }).train();
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

interface PhaseSetup extends PhaseOptions {
  readonly validation: InputDataset | undefined;
  readonly loaders: Loaders;
  /** The batches with labels that training does not see, by stream; none unless diagnostics ask for them. */
  readonly labelled: ReadonlyMap<string, BatchLookup>;
  /** Notices streams without a label. */
  readonly watch: LabelWatch;
}

/** The state of a phase while it runs. */
class Phase {
  readonly #run: Run;
  readonly #setup: PhaseSetup;
  /** Steps done. */
  #done: number;
  /** The step of the newest checkpoint on disk. */
  #saved: number;
  readonly #validation: Validation;

  constructor(run: Run, setup: PhaseSetup) {
    this.#run = run;
    this.#setup = setup;
    this.#done = this.#saved = setup.from?.state.step ?? 0;
    this.#validation = new Validation(run, setup);
  }

  async train(): Promise<PhaseResult> {
    const { team, emit, phase: { name: phase, training } } = this.#setup;
    const { steps, batch, validateEvery, checkpointEvery } = training;
    emit({ type: "start", phase, steps, batch });
    if (this.#done > 0) emit({ type: "resume", phase, step: this.#done });
    const rate = stepRate(), pace = new Pace(team.world);
    const isDue = (every: number) =>
      every > 0 && this.#done > 0 && this.#done % every === 0 && this.#done < steps;
    // Also asked before the first step: the earlier process may have been stopped before its validation.
    const validateIfDue = async () => {
      if (isDue(validateEvery) && this.#validation.validated < this.#done) await this.#validate();
    };
    try {
      await requireAlike(this.#run, team.world, this.#done);
      await validateIfDue();
      while (this.#done < steps && !team.stops(pace)) {
        await this.#step(rate, pace);
        if (this.#done % COMPARED_EVERY === 0 || this.#done === steps) {
          await requireAlike(this.#run, team.world, this.#done);
        }
        await validateIfDue();
        if (isDue(checkpointEvery)) await this.#save("last");
      }
    } catch (error) {
      throw await this.#withLastGood(error);
    }
    for (const message of this.#setup.watch.end()) emit({ type: "note", phase, message });
    if (this.#saved < this.#done) await this.#save("last");
    const final = this.#done === steps ? await this.#finish() : undefined;
    const interrupted = team.signal.aborted && final === undefined;
    emit({ type: "end", phase, step: this.#done, interrupted });
    return {
      steps: this.#done,
      interrupted,
      ...(final ? { final } : {}),
      ...(this.#validation.best ? { best: this.#validation.best } : {}),
    };
  }

  /** Makes one step, with what is measured of it, its hooks and its events. */
  async #step(rate: ReturnType<typeof stepRate>, pace: Pace): Promise<void> {
    const { emit, team, phase: { name: phase, training, schedule } } = this.#setup;
    rate.begin();
    pace.begin();
    const watch = this.#isMeasured() ? stopwatch() : undefined;
    const passes: Batches[] = [];
    await team.each(async () => {
      while (passes.length < training.accumulation) passes.push(await nextBatches(this.#setup.loaders));
    });
    watch?.over("input");
    for (const message of passes.flatMap((batches) => this.#setup.watch.see(batches))) {
      emit({ type: "note", phase, message });
    }
    const clock = { step: this.#done, steps: training.steps };
    const multiplier = schedule.multiplier(clock.step, clock.steps);
    const { clipNorm } = training;
    const measured = await this.#measure(passes[0]!, watch);
    const { world } = team;
    const input = { ...clock, passes, multiplier, clipNorm, world, ...measured?.listeners };
    const values = await trainStep(this.#run, input);
    this.#done += 1;
    await this.#hooks();
    // Kernels block the event loop; signals, timers and the loaders are served here.
    await setImmediate();
    pace.end(watch?.measuring);
    emit({
      type: "step",
      phase,
      step: this.#done,
      steps: training.steps,
      rate: rate.end(watch?.measuring),
      ...values,
      learningRate: this.#run.optimizer.rate * multiplier,
      ...(pace.slowest ? { slowest: pace.slowest } : {}),
    });
    const diagnostics = measured?.values() ?? {};
    await this.#histograms();
    if (Object.keys(diagnostics).length === 0) return;
    emit({ type: "diagnostics", phase, step: this.#done, values: diagnostics });
  }

  /** Hands the student's weights to the log, in steps for which it wants them. */
  async #histograms(): Promise<void> {
    const { logger } = this.#setup;
    if (!logger?.wantsHistograms(this.#done)) return;
    for (const { name, value } of this.#run.segmenter.params) {
      logger.histogram({ step: this.#done, name, values: await value.data() as Float32Array });
    }
  }

  /** Whether the next step is measured. */
  #isMeasured(): boolean {
    const { diagnostics } = this.#setup.phase.training;
    return diagnostics !== undefined && (this.#done + 1) % diagnostics.every === 0;
  }

  /**
   * Measures what can be measured before a step. @returns listeners for the step itself and a function that
   * gives all values after it; undefined when the step is not measured
   */
  async #measure(batches: Batches, watch: Stopwatch | undefined) {
    const { name: phase, training: { diagnostics, accumulation, steps } } = this.#setup.phase;
    if (diagnostics === undefined || watch === undefined) return undefined;
    const { measure } = diagnostics;
    const clock = { step: this.#done, steps };
    const values: Values = {};
    try {
      const labelled = await batchesAt(this.#setup.labelled, this.#done * accumulation);
      Object.assign(values, await measureStep(this.#run, { batches, labelled, clock, measure }));
    } catch (error) {
      // A note only: measuring must not end a run, and if a term is at fault, the step itself will throw.
      const message = `diagnostics of step ${this.#done + 1} could not be taken: ${messageOf(error)}`;
      this.#setup.emit({ type: "note", phase, message });
    }
    watch.over("measuring");
    const before = this.#moved(measure);
    const onGradientNorm = (norm: number) => void (values["gradient/total"] = norm);
    return {
      listeners: { stages: watch, ...(measure.includes("gradients") ? { onGradientNorm } : {}) },
      values: () => ({
        ...values,
        ...(measure.includes("seconds") ? watch.values : {}),
        ...(before ? memoryValues(before, this.#moved(measure)!) : {}),
      }),
    };
  }

  #moved(measure: readonly Measure[]): MovedMemory | undefined {
    return measure.includes("memory") ? this.#setup.moved?.() : undefined;
  }

  /** Calls the `stepEnd` hooks, those of terms first. @throws LossError that names the part that threw */
  async #hooks(): Promise<void> {
    const state = {
      step: this.#done - 1,
      steps: this.#setup.phase.training.steps,
      signal: this.#setup.signal,
    };
    const { terms, streams } = this.#run;
    const parts = [
      ...terms.map(({ planned, term }) => ["loss", planned, term] as const),
      ...[...streams.values()].map(({ planned, stream }) => ["stream", planned, stream] as const),
    ];
    for (const [kind, planned, { hooks }] of parts) {
      try {
        await hooks?.stepEnd?.(state);
      } catch (cause) {
        const who = describePlanned(kind, planned);
        throw new LossError(`${who} threw in its stepEnd hook: ${messageOf(cause)}`, { cause });
      }
    }
  }

  /**
   * Writes the weights after the last good step, since a failed step changes none. @returns the error, with a
   * line on where the weights lie if it is one that a person can mend
   */
  async #withLastGood(error: unknown): Promise<unknown> {
    if (this.#done === 0 || !this.#setup.team.leads || error instanceof UnlikeWeights) return error;
    let line;
    try {
      const path = this.#saved < this.#done ? await this.#write("last") : this.#pathOf("last");
      line = `the weights after step ${this.#done} lie in ${path}`;
    } catch (cause) {
      line = `the weights after step ${this.#done} could not be written: ${messageOf(cause)}`;
      if (this.#saved > 0) line += `\nthose after step ${this.#saved} lie in ${this.#pathOf("last")}`;
    }
    if (!(error instanceof UserError)) return error;
    const cause = error.cause ?? error;
    if (error instanceof DataError) {
      return new DataError(error.file, `${error.message.slice(error.file.length + 2)}\n${line}`, { cause });
    }
    const Kind = error instanceof LossError ? LossError : UserError;
    return new Kind(`${error.message}\n${line}`, { cause });
  }

  #pathOf(name: "last" | "best"): string {
    return `${this.#setup.folder}/${checkpointFile(name)}`;
  }

  /** Has the first process write a checkpoint, while the others wait. */
  async #save(name: "last" | "best"): Promise<void> {
    await this.#setup.team.each(async () => {
      if (this.#setup.team.leads) await this.#write(name);
      else if (name === "last") this.#saved = this.#done;
    });
  }

  /** Writes a checkpoint in this process. @returns its path */
  async #write(name: "last" | "best"): Promise<string> {
    const { emit, plan: { name: recipe, seed }, phase: { name: phase, training } } = this.#setup;
    const { steps, keepCheckpoints } = training;
    const path = this.#pathOf(name);
    const best = this.#validation.best ?? null, { validated } = this.#validation;
    await saveCheckpoint(path, {
      entries: this.#run.state,
      state: { recipe, phase, step: this.#done, steps, seed, best, validated },
      keep: name === "last" ? keepCheckpoints : 1,
    });
    if (name === "last") this.#saved = this.#done;
    emit({ type: "checkpoint", phase, step: this.#done, path });
    return path;
  }

  /**
   * Validates, and keeps the weights if they are the best so far. Undefined without a split, or when stopped.
   */
  async #validate(): Promise<Evaluation | undefined> {
    const validated = await this.#validation.validate(this.#done);
    if (validated?.isBest) await this.#save("best");
    return validated?.evaluation;
  }

  /** The evaluation after the last step. Undefined without a `val` split, or when stopped. */
  async #finish(): Promise<Evaluation | undefined> {
    const { emit, validation, phase } = this.#setup;
    if (validation === undefined) {
      emit({
        type: "note",
        phase: phase.name,
        message: "the recipe has no val split, so nothing was evaluated",
      });
      return undefined;
    }
    return await this.#validation.finish(await this.#validate());
  }
}
