/**
 * The loop of a phase: steps, validations and checkpoints, until the last step or until the run shall stop.
 *
 * After a step come its hooks and its event, then a validation if one is due, then a checkpoint if one is due;
 * a resumed run must do them in the same order. A run that is stopped ends between two steps and writes a
 * checkpoint. What comes before the first step, phase.ts does, which calls this.
 *
 * With several processes all of them run this file. They do the same in the same order, and each compares its
 * weights with the others' from time to time (alike.ts).
 */
import { setImmediate } from "node:timers/promises";
import { LossError } from "../core/errors.ts";
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { MovedMemory } from "../core/memory.ts";
import type { Measure, PhasePlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { messageOf } from "../core/words.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import type { BatchLookup } from "../datasets/loader.ts";
import type { RunLogger } from "../report/logger.ts";
import { requireAlike } from "./alike.ts";
import type { Run } from "./assemble.ts";
import { CheckpointWriter } from "./checkpoint_writer.ts";
import type { Batches } from "./context.ts";
import {
  batchesAt,
  measureStep,
  memoryValues,
  type Stopwatch,
  stopwatch,
  type Values,
} from "./diagnostics.ts";
import type { JobPlace } from "./jobs.ts";
import type { BatchWatch } from "./batch_watch.ts";
import { type Loaders, nextBatches } from "./loaders.ts";
import { describePlanned } from "./loss_errors.ts";
import { Pace } from "./pace.ts";
import { stepRate } from "./rate.ts";
import type { ResumePoint } from "./resume.ts";
import { trainStep } from "./step.ts";
import type { Team } from "./together.ts";
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

/** What the loop needs: the phase with everything that was opened for it. */
export interface LoopSetup extends PhaseOptions {
  readonly validation: InputDataset | undefined;
  readonly loaders: Loaders;
  /** The batches with labels that training does not see, by stream; none unless diagnostics ask for them. */
  readonly labelled: ReadonlyMap<string, BatchLookup>;
  /** What looks at every batch for oddities. */
  readonly watches: readonly BatchWatch[];
}

/** The state of a phase while it runs. */
export class Loop {
  readonly #run: Run;
  readonly #setup: LoopSetup;
  /** Steps done. */
  #done: number;
  readonly #validation: Validation;
  readonly #checkpoints: CheckpointWriter;

  constructor(run: Run, setup: LoopSetup) {
    this.#run = run;
    this.#setup = setup;
    this.#done = setup.from?.state.step ?? 0;
    this.#validation = new Validation(run, setup);
    this.#checkpoints = new CheckpointWriter(run, setup, this.#validation);
  }

  /**
   * Trains to the last step, or until the run shall stop. All processes must call it.
   * @throws DataError, LossError, UserError. Once a step is done, the last good weights are written first
   */
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
        if (isDue(checkpointEvery)) await this.#checkpoints.save("last", this.#done);
      }
    } catch (error) {
      throw await this.#checkpoints.withLastGood(error, this.#done);
    }
    this.#note(this.#setup.watches.flatMap((one) => one.end?.() ?? []));
    if (this.#checkpoints.saved < this.#done) await this.#checkpoints.save("last", this.#done);
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
    const { emit, team, watches, phase: { name: phase, training, schedule } } = this.#setup;
    rate.begin();
    pace.begin();
    const watch = this.#isMeasured() ? stopwatch() : undefined;
    const passes: Batches[] = [];
    await team.each(async () => {
      while (passes.length < training.accumulation) passes.push(await nextBatches(this.#setup.loaders));
    });
    watch?.over("input");
    this.#note(passes.flatMap((batches) => watches.flatMap((one) => one.see(batches))));
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

  /** Writes notes about the data, each once in a run. */
  #note(messages: readonly string[]): void {
    const { told, emit, phase: { name: phase } } = this.#setup;
    for (const message of messages) {
      if (told.has(message)) continue;
      told.add(message);
      emit({ type: "note", phase, message });
    }
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
   * Validates, and keeps the weights if they are the best so far. Undefined without a split, or when stopped.
   */
  async #validate(): Promise<Evaluation | undefined> {
    const validated = await this.#validation.validate(this.#done);
    if (validated?.isBest) await this.#checkpoints.save("best", this.#done);
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
