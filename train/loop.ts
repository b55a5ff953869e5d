/** One phase of a run: steps, validations, checkpoints, until the end or until it is told to stop. */
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
  /** Its `checkpoints` folder is made here. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** How files of weights are read. */
  readonly files: FileReader;
  readonly input: Input;
  readonly emit: (event: TrainEvent) => void;
  /** What the recipe's `logs` asks for; absent: nothing. */
  readonly logger?: RunLogger | undefined;
  /** Whether jobs that an earlier process ended are passed over. */
  readonly resume: boolean;
  /** What was told of passed over files, once a run; it grows. */
  readonly told: Set<string>;
  /** Where an earlier process left it; absent: at its start. */
  readonly from?: ResumePoint | undefined;
  /** The processes of the run; its signal is the run's. */
  readonly team: Team;
  /** What the backend moved out of its heap so far; absent where its memory is its own. */
  readonly moved?: (() => MovedMemory) | undefined;
}

/** After so many steps processes compare their weights. */
const COMPARED_EVERY = 50;

/** How a phase ended. */
export interface PhaseResult {
  /** Updates done. */
  readonly steps: number;
  readonly interrupted: boolean;
  /** Absent without a `val` split or when interrupted. */
  readonly final?: Evaluation;
  readonly best?: { readonly step: number; readonly miou: number };
}

/**
 * Trains a phase, or goes on as if it had never stopped. Data is opened before anything is allocated.
 * @throws DataError, LossError (after the last good weights were written), UserError
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
    // Files of the last evaluation are looked at before hours of training.
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

/** Whether the run was told to stop while something was done. */
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
  /** Batches with labels that training does not see, by stream, for diagnostics that ask for them. */
  readonly labelled: ReadonlyMap<string, BatchLookup>;
  /** Called with what is labelled. */
  readonly watch: LabelWatch;
}

/** The state of a phase while it runs. */
class Phase {
  readonly #run: Run;
  readonly #setup: PhaseSetup;
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
    // An interruption may have kept the former process from it.
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
    // Kernels run synchronously; signals, timers and the loaders get their turn here.
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
    const found = measured?.values() ?? {};
    await this.#histograms();
    if (Object.keys(found).length > 0) emit({ type: "diagnostics", phase, step: this.#done, values: found });
  }

  async #histograms(): Promise<void> {
    const { logger } = this.#setup;
    if (!logger?.wantsHistograms(this.#done)) return;
    for (const { name, value } of this.#run.segmenter.params) {
      logger.histogram({ step: this.#done, name, values: await value.data() as Float32Array });
    }
  }

  /** Whether the next step is one that diagnostics look at. */
  #isMeasured(): boolean {
    const { diagnostics } = this.#setup.phase.training;
    return diagnostics !== undefined && (this.#done + 1) % diagnostics.every === 0;
  }

  /** What can be measured before a step, and what listens to it; undefined when it is not looked at. */
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
      // The step itself tells what is wrong with a term; a run does not end for what is only looked at.
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

  async #hooks(): Promise<void> {
    const state = {
      step: this.#done - 1,
      steps: this.#setup.phase.training.steps,
      signal: this.#setup.signal,
    };
    const { terms, streams } = this.#run;
    const owned = [
      ...terms.map(({ planned, term }) => ["loss", planned, term] as const),
      ...[...streams.values()].map(({ planned, stream }) => ["stream", planned, stream] as const),
    ];
    for (const [kind, planned, { hooks }] of owned) {
      try {
        await hooks?.stepEnd?.(state);
      } catch (cause) {
        const who = describePlanned(kind, planned);
        throw new LossError(`${who} threw in its stepEnd hook: ${messageOf(cause)}`, { cause });
      }
    }
  }

  /** Writes the weights as they are, and says so when the error is one the user can mend. */
  async #withLastGood(error: unknown): Promise<unknown> {
    if (this.#done === 0 || !this.#setup.team.leads || error instanceof UnlikeWeights) return error;
    let kept;
    try {
      const path = this.#saved < this.#done ? await this.#write("last") : this.#pathOf("last");
      kept = `the weights after step ${this.#done} lie in ${path}`;
    } catch (cause) {
      kept = `the weights after step ${this.#done} could not be written: ${messageOf(cause)}`;
    }
    if (!(error instanceof UserError)) return error;
    const cause = error.cause ?? error;
    if (error instanceof DataError) {
      return new DataError(error.file, `${error.message.slice(error.file.length + 2)}\n${kept}`, { cause });
    }
    const Kind = error instanceof LossError ? LossError : UserError;
    return new Kind(`${error.message}\n${kept}`, { cause });
  }

  #pathOf(name: "last" | "best"): string {
    return `${this.#setup.folder}/${checkpointFile(name)}`;
  }

  /** Writes a checkpoint; of several processes the first one does, and the others wait. */
  async #save(name: "last" | "best"): Promise<void> {
    await this.#setup.team.each(async () => {
      if (this.#setup.team.leads) await this.#write(name);
      else if (name === "last") this.#saved = this.#done;
    });
  }

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

  /** Undefined when there is nothing to validate on or the run is to stop. */
  async #validate(): Promise<Evaluation | undefined> {
    const found = await this.#validation.validate(this.#done);
    if (found?.isBest) await this.#save("best");
    return found?.evaluation;
  }

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
