/** Training and evaluating a validated recipe. The caller selects the tensor backend first. */
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { PlannedLoss, RunPlan, Split } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { openInput } from "../datasets/input.ts";
import { openLogger } from "../report/tensorboard/mod.ts";
import { EVALUATION, EVENTS, phaseFolders, within } from "../run_folder/layout.ts";
import { openLineLog } from "../run_folder/lock.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { evaluateSegmenter, openSplit } from "./evaluate.ts";
import { messageOf } from "./loss_errors.ts";
import { type PhaseResult, rehearse, trainPhase } from "./loop.ts";
import { resumePoint } from "./resume.ts";
import { openTrained } from "./trained.ts";

export type { Evaluation, TrainEvent } from "../core/events.ts";
export * from "./predictor.ts";

/** What {@linkcode train} needs besides the plan. */
export interface TrainOptions {
  /** Receives `events.jsonl`, `checkpoints/`, `evaluation.json` and `baseline/`; made if it is not there. */
  readonly runDir: string;
  /**
   * Goes on from the checkpoints in `runDir`: on the same backend every later value is bit for bit that of a run that was
   * never stopped. Without checkpoints it begins anew. Default false.
   */
  readonly resume?: boolean;
  /**
   * When it fires, the run writes a checkpoint after the current step and returns or, fired with an error as its reason,
   * throws that.
   */
  readonly signal: AbortSignal;
  /** How data is read. Workers (`input.workers`) read the disk themselves, so any reader but `diskFiles()` means none. */
  readonly files: FileReader;
  /** Hears everything that happens, in order. */
  readonly onEvent: (event: TrainEvent) => void;
}

/** How a run ended. */
export interface TrainResult {
  /** Updates done, the baseline's left out. */
  readonly steps: number;
  /** Whether the signal ended it. */
  readonly interrupted: boolean;
  /** The last weights on the `val` split, as the recipe's `evaluation` says; absent without one. */
  readonly final?: Evaluation;
  /** The best validation, in one pass per image; mIoU in 0..1. */
  readonly best?: { readonly step: number; readonly miou: number };
  /** Absent when the recipe has none or it was interrupted. */
  readonly baseline?: BaselineResult;
}

/** How the baseline ended. */
export interface BaselineResult {
  /** From the recipe. */
  readonly name: string;
  /** Absent without a `val` split. */
  readonly final?: Evaluation;
  /** The best validation, in one pass per image; mIoU in 0..1. */
  readonly best?: { readonly step: number; readonly miou: number };
}

/**
 * Trains the plan's baseline, if it has one, into `runDir/baseline`, then the plan's own objective, both from the same
 * weights on the same data order. Events go to `onEvent` and, steps thinned to every `logEvery`-th, to
 * `runDir/events.jsonl`, and to what the recipe's `logs` asks for; the final evaluations to `evaluation.json` in both folders.
 * @throws DataError, UserError; LossError names the failing term, after the last good weights were written
 */
export async function train(plan: RunPlan, options: TrainOptions): Promise<TrainResult> {
  const { runDir, resume = false, signal, files, onEvent } = options;
  await makeFolder(runDir);
  const log = openLineLog(`${runDir}/${EVENTS}`);
  const logger = openLogger(plan, runDir);
  const emit = (event: TrainEvent) => {
    if (event.type !== "step" || event.step % plan.training.logEvery === 0 || event.step === event.steps) {
      log.write({ time: new Date().toISOString(), ...event });
      logger?.event(event);
    }
    onEvent(event);
  };
  const input = openInput(plan, files);
  const common = { signal, files, input, emit, logger };
  let current = plan.name;
  const phaseOf = async (phase: string, losses: readonly PlannedLoss[], folder: string) => {
    current = phase;
    const onDamaged = (message: string) => emit({ type: "note", phase, message });
    const from = resume ? await resumePoint({ folder, phase, plan, files, onDamaged }) : undefined;
    const earlier = from?.state.step === plan.training.steps && await finishedResult(folder, from.state.step);
    if (earlier) return earlier;
    const result = await trainPhase(plan, { ...common, phase, losses, folder, from });
    if (result.final) {
      logger?.evaluation(result.steps, result.final);
      const record: FinalRecord = {
        phase,
        step: result.steps,
        seed: plan.seed,
        best: result.best ?? null,
        ...result.final,
      };
      const text = `${JSON.stringify(record, null, 2)}\n`;
      await writeWhole(`${folder}/${EVALUATION}`, new TextEncoder().encode(text));
    }
    return result;
  };
  try {
    let baseline: BaselineResult | undefined;
    if (plan.baseline) {
      const { name, losses } = plan.baseline;
      await rehearse(plan, plan.losses, input);
      const result = await phaseOf(name, losses, within(runDir, phaseFolders(plan)[0]!.folder));
      if (result.interrupted) return stopped(signal, { steps: 0, interrupted: true });
      baseline = { name, ...outcome(result) };
    }
    const result = await phaseOf(plan.name, plan.losses, runDir);
    const { steps, interrupted } = result;
    const told = { steps, interrupted, ...outcome(result), ...(baseline ? { baseline } : {}) };
    return interrupted ? stopped(signal, told) : told;
  } catch (error) {
    tellFailure(emit, current, error);
    throw error;
  } finally {
    await input.close();
    logger?.close();
    log.close();
  }
}

/** @throws the signal's reason where it is an error of its own and no mere wish to stop */
function stopped({ reason }: AbortSignal, result: TrainResult): TrainResult {
  if (reason instanceof Error && reason.name !== "AbortError") throw reason;
  return result;
}

/** A log that cannot be written, which may be what the run failed of, does not hide the error. */
function tellFailure(emit: (event: TrainEvent) => void, phase: string, error: unknown): void {
  try {
    emit({ type: "failure", phase, message: messageOf(error) });
  } catch {
    // The caller hears of the first error.
  }
}

/** What `evaluation.json` holds. */
interface FinalRecord extends Evaluation {
  readonly phase: string;
  readonly step: number;
  readonly seed: number;
  readonly best: { readonly step: number; readonly miou: number } | null;
}

/** How a phase ended that an earlier process brought to its end; undefined when it did not evaluate it. */
async function finishedResult(folder: string, steps: number): Promise<PhaseResult | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${folder}/${EVALUATION}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { phase: _, step: __, seed: ___, best, ...final }: FinalRecord = JSON.parse(text);
  return { steps, interrupted: false, final, ...(best ? { best } : {}) };
}

function outcome({ final, best }: PhaseResult) {
  return { ...(final ? { final } : {}), ...(best ? { best } : {}) };
}

/** What {@linkcode evaluate} needs besides the plan. */
export interface EvaluateOptions {
  /** A file with the recipe's whole model: safetensors, or a PyTorch file whose names the model knows. */
  readonly checkpoint: string;
  /** The images to evaluate. */
  readonly split: Split;
  /** Ends the evaluation when it fires. */
  readonly signal: AbortSignal;
  /** How data and checkpoints are read; with any reader but `diskFiles()` there are no workers. */
  readonly files: FileReader;
  /** Hears, before the first image, which phase wrote the checkpoint; undefined where the file does not say. */
  readonly onPhase?: (phase: string | undefined) => void;
  /** Hears after each image how many of how many are done. */
  readonly onImage?: (done: number, images: number) => void;
}

/**
 * Evaluates a checkpoint on a split, as the recipe's `evaluation` says.
 * @throws UserError when the recipe has no such split or the file does not fit its model, DataError when data
 * cannot be read, AbortError when the signal fires
 */
export async function evaluate(plan: RunPlan, options: EvaluateOptions): Promise<Evaluation> {
  const { checkpoint, split, signal, files } = options;
  const input = openInput(plan, files);
  try {
    const dataset = await openSplit(plan, split, input);
    const images = Math.min(dataset.length, plan.evaluation.limit ?? dataset.length);
    const model = await openTrained(plan, { checkpoint, files });
    try {
      options.onPhase?.(model.phase);
      return await evaluateSegmenter(plan, {
        segmenter: model.segmenter,
        dataset,
        split,
        signal,
        onImage: (done) => options.onImage?.(done, images),
      });
    } finally {
      model.dispose();
    }
  } finally {
    await input.close();
  }
}
