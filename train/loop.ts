/** One phase of a run: steps, validations, checkpoints, until the end or until it is told to stop. */
import { setImmediate } from "node:timers/promises";
import { DataError, LossError, UserError } from "../core/errors.ts";
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { EvaluationPlan, PlannedLoss, RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import type { Input, InputDataset } from "../datasets/input.ts";
import type { BatchLookup } from "../datasets/loader.ts";
import type { RunLogger } from "../report/logger.ts";
import { checkpointFile, CHECKPOINTS } from "../run_folder/layout.ts";
import { makeFolder } from "../run_folder/write.ts";
import { describeImport } from "../weights/mapping.ts";
import { assemble, modelState, type Run } from "./assemble.ts";
import { restoreEntries, saveCheckpoint } from "./checkpoint.ts";
import { measureStep, openLabelled, type Stopwatch, stopwatch, type Values } from "./diagnostics.ts";
import { evaluateSegmenter, type EvaluationInput, onePass } from "./evaluate.ts";
import { close, loaderOptions, type Loaders, nextBatches, openDomains, openLoaders } from "./loaders.ts";
import { describeLoss, messageOf } from "./loss_errors.ts";
import type { Batches } from "./pass.ts";
import { stepRate } from "./rate.ts";
import type { ResumePoint } from "./resume.ts";
import { trainStep } from "./step.ts";
import { initialiseFrom } from "./weights.ts";

/** A phase: an objective and where its files go. */
export interface PhaseOptions {
  readonly phase: string;
  readonly losses: readonly PlannedLoss[];
  /** Its `checkpoints` folder is made here. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** How `model.weights` is read. */
  readonly files: FileReader;
  readonly input: Input;
  readonly emit: (event: TrainEvent) => void;
  /** What the recipe's `logs` asks for; absent: nothing. */
  readonly logger?: RunLogger | undefined;
  /** Where an earlier process left it; absent: from the seed. */
  readonly from?: ResumePoint | undefined;
}

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
 * Trains from the plan's seed, or goes on as if it had never stopped. Data is opened before anything is allocated.
 * @throws DataError, LossError (after the last good weights were written), UserError
 */
export async function trainPhase(plan: RunPlan, options: PhaseOptions): Promise<PhaseResult> {
  const { validation, ...domains } = await openDomains(plan, options.losses, options.input);
  const labelled = domains.target && await openLabelled(plan, options.input, loaderOptions(plan, "target"));
  await makeFolder(`${options.folder}/${CHECKPOINTS}`);
  const done = options.from?.state.step ?? 0;
  const loaders = openLoaders(plan, { ...domains, skip: done * plan.training.accumulation });
  try {
    const run = assemble(plan, options.losses);
    try {
      if (options.from) restoreEntries(options.from, run.state);
      else await initialise(plan, run, options);
      return await new Phase(plan, run, { ...options, validation, loaders, labelled }).train();
    } finally {
      run.dispose();
    }
  } finally {
    close(loaders);
    labelled?.close();
  }
}

/** Reads `model.weights`, if the recipe has it, and tells what was used of it. */
async function initialise(plan: RunPlan, { segmenter }: Run, { phase, files, emit }: PhaseOptions) {
  const { weights } = plan.model;
  if (weights === undefined) return;
  const report = await initialiseFrom(weights, { plan, state: modelState(segmenter) }, files);
  const messages = [`weights of ${weights}: ${describeImport(report)}`, ...report.warnings];
  for (const message of messages) emit({ type: "note", phase, message });
}

/**
 * Makes one step of an objective and throws the result away, so that a term that cannot work is known before
 * another phase is trained. @throws DataError, LossError
 */
export async function rehearse(
  plan: RunPlan,
  losses: readonly PlannedLoss[],
  input: Input,
): Promise<void> {
  const loaders = openLoaders(plan, { ...await openDomains(plan, losses, input), skip: 0 });
  try {
    const run = assemble(plan, losses);
    try {
      const passes = [await nextBatches(loaders)];
      await trainStep(run, { step: 0, steps: plan.training.steps, passes, multiplier: 0 });
    } finally {
      run.dispose();
    }
  } finally {
    close(loaders);
  }
}

interface PhaseSetup extends PhaseOptions {
  readonly validation: InputDataset | undefined;
  readonly loaders: Loaders;
  /** The target's batches with labels, for diagnostics that ask for them. */
  readonly labelled: BatchLookup | undefined;
}

/** The state of a phase while it runs. */
class Phase {
  readonly #plan: RunPlan;
  readonly #run: Run;
  readonly #setup: PhaseSetup;
  #done: number;
  /** The step of the newest checkpoint on disk. */
  #saved: number;
  /** The step of the last validation. */
  #validated: number;
  #best: { readonly step: number; readonly miou: number } | undefined;

  constructor(plan: RunPlan, run: Run, setup: PhaseSetup) {
    this.#plan = plan;
    this.#run = run;
    this.#setup = setup;
    const { step = 0, validated = 0, best = null } = setup.from?.state ?? {};
    this.#done = this.#saved = step;
    this.#validated = validated;
    this.#best = best ?? undefined;
  }

  async train(): Promise<PhaseResult> {
    const { signal, phase, emit } = this.#setup;
    const { steps, batch, validateEvery, checkpointEvery } = this.#plan.training;
    emit({ type: "start", phase, steps, batch });
    if (this.#done > 0) emit({ type: "resume", phase, step: this.#done });
    const rate = stepRate();
    const isDue = (every: number) =>
      every > 0 && this.#done > 0 && this.#done % every === 0 && this.#done < steps;
    // An interruption may have kept the former process from it.
    const validateIfDue = async () => {
      if (isDue(validateEvery) && this.#validated < this.#done) await this.#validate();
    };
    try {
      await validateIfDue();
      while (this.#done < steps && !signal.aborted) {
        await this.#step(rate);
        await validateIfDue();
        if (isDue(checkpointEvery)) await this.#save("last");
      }
    } catch (error) {
      throw await this.#withLastGood(error);
    }
    if (this.#saved < this.#done) await this.#save("last");
    const final = this.#done === steps ? await this.#finish() : undefined;
    const interrupted = signal.aborted && final === undefined;
    emit({ type: "end", phase, step: this.#done, interrupted });
    return {
      steps: this.#done,
      interrupted,
      ...(final ? { final } : {}),
      ...(this.#best ? { best: this.#best } : {}),
    };
  }

  async #step(rate: ReturnType<typeof stepRate>): Promise<void> {
    const { phase, emit } = this.#setup;
    const { training, schedule } = this.#plan;
    rate.begin();
    const watch = this.#isMeasured() ? stopwatch() : undefined;
    const passes: Batches[] = [];
    while (passes.length < training.accumulation) passes.push(await nextBatches(this.#setup.loaders));
    watch?.over("input");
    const clock = { step: this.#done, steps: training.steps };
    const multiplier = schedule.multiplier(clock.step, clock.steps);
    const { clipNorm } = training;
    const measured = await this.#measure(passes[0]!, watch);
    const values = await trainStep(this.#run, {
      ...clock,
      passes,
      multiplier,
      clipNorm,
      ...measured?.listeners,
    });
    this.#done += 1;
    await this.#hooks();
    // Kernels run synchronously; signals, timers and the loaders get their turn here.
    await setImmediate();
    emit({
      type: "step",
      phase,
      step: this.#done,
      steps: training.steps,
      rate: rate.end(watch?.measuring),
      ...values,
      learningRate: this.#run.optimizer.rate * multiplier,
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
    const { diagnostics } = this.#plan.training;
    return diagnostics !== undefined && (this.#done + 1) % diagnostics.every === 0;
  }

  /** What can be measured before a step, and what listens to it; undefined when it is not looked at. */
  async #measure(batches: Batches, watch: Stopwatch | undefined) {
    const { training: { diagnostics, accumulation, steps } } = this.#plan;
    if (diagnostics === undefined || watch === undefined) return undefined;
    const { measure } = diagnostics;
    const { labelled, phase, emit } = this.#setup;
    const values: Values = {};
    try {
      Object.assign(
        values,
        await measureStep(this.#run, {
          batches,
          labelled: await labelled?.at(this.#done * accumulation),
          clock: { step: this.#done, steps },
          measure,
        }),
      );
    } catch (error) {
      // The step itself tells what is wrong with a term; a run does not end for what is only looked at.
      const message = `diagnostics of step ${this.#done + 1} could not be taken: ${messageOf(error)}`;
      emit({ type: "note", phase, message });
    }
    watch.over("measuring");
    const onGradientNorm = (norm: number) => void (values["gradient/total"] = norm);
    return {
      listeners: { stages: watch, ...(measure.includes("gradients") ? { onGradientNorm } : {}) },
      values: () => ({ ...values, ...(measure.includes("seconds") ? watch.values : {}) }),
    };
  }

  async #hooks(): Promise<void> {
    const state = { step: this.#done - 1, steps: this.#plan.training.steps, signal: this.#setup.signal };
    for (const { planned, term } of this.#run.terms) {
      try {
        await term.hooks?.stepEnd?.(state);
      } catch (cause) {
        const who = describeLoss(planned);
        throw new LossError(`${who} threw in its stepEnd hook: ${messageOf(cause)}`, { cause });
      }
    }
  }

  /** Writes the weights as they are, and says so when the error is one the user can mend. */
  async #withLastGood(error: unknown): Promise<unknown> {
    if (this.#done === 0) return error;
    let kept;
    try {
      const path = this.#saved < this.#done ? await this.#save("last") : this.#pathOf("last");
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

  async #save(name: "last" | "best"): Promise<string> {
    const { phase, emit } = this.#setup;
    const { name: recipe, seed, training: { steps, keepCheckpoints } } = this.#plan;
    const path = this.#pathOf(name);
    await saveCheckpoint(path, {
      entries: this.#run.state,
      state: {
        recipe,
        phase,
        step: this.#done,
        steps,
        seed,
        best: this.#best ?? null,
        validated: this.#validated,
      },
      keep: name === "last" ? keepCheckpoints : 1,
    });
    if (name === "last") this.#saved = this.#done;
    emit({ type: "checkpoint", phase, step: this.#done, path });
    return path;
  }

  /** In one pass per image. Undefined when there is nothing to validate on or the signal fired. */
  async #validate(): Promise<Evaluation | undefined> {
    const { phase, emit } = this.#setup;
    const { logger } = this.#setup;
    const step = this.#done;
    const found = await this.#evaluate(
      onePass(this.#plan.evaluation),
      logger && ((image, index) => {
        if (index < logger.pictures) logger.picture({ step, index, ...image });
      }),
    );
    if (found === undefined) return undefined;
    const { miou, subsets, labelSize, pixelAccuracy, iou } = found;
    const best = this.#best === undefined || miou > this.#best.miou;
    this.#validated = this.#done;
    if (best) this.#best = { step: this.#done, miou };
    const means = { miou, ...(subsets ? { subsets } : {}), labelSize };
    emit({ type: "validation", phase, step: this.#done, ...means, pixelAccuracy, iou, best });
    if (best) await this.#save("best");
    return found;
  }

  async #finish(): Promise<Evaluation | undefined> {
    const { phase, emit, validation } = this.#setup;
    if (validation === undefined) {
      emit({ type: "note", phase, message: "the recipe has no val split, so nothing was evaluated" });
      return undefined;
    }
    const plain = await this.#validate();
    const { evaluation } = this.#plan;
    const same = Object.keys(onePass(evaluation)).length === Object.keys(evaluation).length;
    return plain && !same ? await this.#evaluate(evaluation) : plain;
  }

  async #evaluate(
    evaluation: EvaluationPlan,
    onPrediction?: EvaluationInput["onPrediction"],
  ): Promise<Evaluation | undefined> {
    const { validation, signal } = this.#setup;
    if (validation === undefined) return undefined;
    try {
      return await evaluateSegmenter(this.#plan, {
        segmenter: this.#run.segmenter,
        dataset: validation,
        split: "val",
        evaluation,
        signal,
        onPrediction,
      });
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}
