/**
 * Training a plan, from a run's folder to its result; and the front of this folder, where callers find
 * `evaluate` and the predictor too.
 *
 * A run is a list of phases, mostly one, each trained by phase.ts in a folder of its own; the last phase's
 * folder is that of the run. This file does what phases have in common: it opens the log of events, the data
 * and the record of inputs, finds the phase and the checkpoint at which a resumed run continues, tries later
 * phases with one step before the first one trains, and writes the final evaluations.
 *
 * The caller selects the tensor backend first (backends/select.ts), and loads the recipe into a plan.
 */
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { MovedMemory } from "../core/memory.ts";
import { lastPhase, type PhasePlan, type RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { solo, type World } from "../core/world.ts";
import { openInput } from "../datasets/input.ts";
import { openLogger } from "../report/tensorboard/mod.ts";
import { EVALUATION, EVENTS, foldersOf, LAST_CHECKPOINT, within } from "../run_folder/layout.ts";
import { openLineLog } from "../run_folder/lock.ts";
import { makeFolder, writeWhole } from "../run_folder/write.ts";
import { InputRecord } from "./inputs.ts";
import type { PhaseOptions, PhaseResult } from "./loop.ts";
import { trainPhase } from "./phase.ts";
import { rehearse } from "./rehearse.ts";
import { isFile, resumePoint } from "./resume.ts";
import { Team } from "./together.ts";

export type { Evaluation, TrainEvent } from "../core/events.ts";
export * from "./predictor.ts";
export { unlabelledNote } from "./evaluate.ts";
export { evaluate, type EvaluateOptions } from "./evaluate_checkpoint.ts";
export type { TrainedOptions } from "./trained.ts";

/** What {@linkcode train} needs besides the plan. */
export interface TrainOptions {
  /**
   * The run's folder, for `events.jsonl` and each phase's `checkpoints/` and `evaluation.json`; made if
   * absent.
   */
  readonly runDir: string;
  /**
   * Whether to continue from the checkpoints in `runDir`: on the same backend every later value is bit for
   * bit that of a run that was never stopped. Without checkpoints the run begins. Default false.
   */
  readonly resume?: boolean;
  /**
   * When it fires, the run writes a checkpoint after the current step and returns. If its reason is an error
   * other than an AbortError, the run throws that error instead.
   */
  readonly signal: AbortSignal;
  /**
   * How data is read. Workers (`input.workers`) read the disk by themselves, so with any reader but
   * `diskFiles()` there are none.
   */
  readonly files: FileReader;
  /** Called with everything that happens, in order. */
  readonly onEvent: (event: TrainEvent) => void;
  /** The processes of the run. Default: one process. */
  readonly world?: World;
  /** What the backend moved out of its heap so far, for diagnostics; absent: no such values. */
  readonly moved?: () => MovedMemory;
}

/** How a run ended. */
export interface TrainResult {
  /** Steps done in the last phase. */
  readonly steps: number;
  /** Whether the signal ended the run. */
  readonly interrupted: boolean;
  /** The last weights on the `val` split, as the recipe's `evaluation` says; absent without such a split. */
  readonly final?: Evaluation;
  /** The best validation, in one pass per image; mIoU in 0..1. */
  readonly best?: { readonly step: number; readonly miou: number };
  /** The completed phases before the last one, in order. */
  readonly earlier: readonly EarlierResult[];
}

/** How a phase before the last ended. */
export interface EarlierResult extends Pick<TrainResult, "final" | "best"> {
  /** The phase's name in the recipe, such as that of the baseline. */
  readonly name: string;
}

/**
 * Trains the plan's phases in order: the last into `runDir`, the others into folders in it. Every event goes
 * to `onEvent`; every event, but of the steps only each `logEvery`-th, goes to `runDir/events.jsonl` and to
 * the logs that the recipe asks for. The final evaluations go to `evaluation.json` in the phases' folders.
 * @throws DataError when a file cannot be read; UserError when the recipe, the files and the run's folder do
 * not fit together; LossError that names the failing term. The last good weights are written first
 */
export async function train(plan: RunPlan, options: TrainOptions): Promise<TrainResult> {
  const { runDir, resume = false, files, onEvent, world = solo, moved } = options;
  requireDivisible(plan, world);
  const team = new Team(world, options.signal), { signal } = team;
  const { log, logger } = await team.each(async () => {
    if (!team.leads) return { log: undefined, logger: undefined };
    await makeFolder(runDir);
    return { log: openLineLog(`${runDir}/${EVENTS}`), logger: openLogger(plan, runDir) };
  });
  let current = plan.phases[0]!;
  const emit = (event: TrainEvent) => {
    const { logEvery } = current.training;
    if (event.type !== "step" || event.step % logEvery === 0 || event.step === event.steps) {
      log?.write({ time: new Date().toISOString(), ...event });
      logger?.event(event);
    }
    onEvent(event);
  };
  const opened = openInput(plan, files);
  const told = new Set<string>();
  const earlier: EarlierResult[] = [];
  try {
    const note = (message: string) => emit({ type: "note", phase: current.name, message });
    const record = await team.each(() =>
      team.leads ? InputRecord.open(plan, { runDir, files, resume, note }) : undefined
    );
    const common = {
      plan,
      runDir,
      resume,
      signal,
      files: record?.reader ?? files,
      input: record?.input(opened) ?? opened,
      emit,
      logger,
      team,
      told,
      moved,
    };
    for (const [k, phase] of plan.phases.entries()) {
      // Later phases are tried now: a missing file or a faulty term must not fail after hours of this phase.
      for (const later of k === 0 ? plan.phases.slice(1) : []) {
        current = later;
        await team.each(async () => {
          if (!team.leads || resume && await isFile(`${folderOf(later, common)}/${LAST_CHECKPOINT}`)) return;
          await rehearse(later, { ...common, share: world });
        });
      }
      current = phase;
      const result = await runPhase(phase, common);
      const { steps, interrupted } = result;
      const last = phase === lastPhase(plan);
      if (interrupted) stopped(signal);
      if (last) return { steps, interrupted, ...outcome(result), earlier };
      if (interrupted) return { steps: 0, interrupted, earlier };
      earlier.push({ name: phase.name, ...outcome(result) });
    }
    throw new Error("a plan has at least one phase");
  } catch (error) {
    logFailure(emit, current.name, error);
    throw error;
  } finally {
    await opened.close();
    logger?.close();
    log?.close();
  }
}

/** @throws UserError when a phase's batch cannot be divided equally between the processes */
function requireDivisible({ phases }: RunPlan, { size }: World): void {
  for (const { name, training: { batch } } of phases) {
    if (batch % size === 0) continue;
    throw new UserError(
      `${name}: training.batch is ${batch}, which ${size} processes cannot share equally; it is the batch of all of them together: ` +
        `make it a multiple of ${size}, or start fewer processes`,
    );
  }
}

function folderOf(
  phase: PhasePlan,
  { plan: { phases }, runDir }: Pick<PhaseOptions, "plan" | "runDir">,
): string {
  return within(runDir, foldersOf(phases)[phases.indexOf(phase)]!.folder);
}

/** Trains a phase from its newest checkpoint or from the start, and writes its evaluation. */
async function runPhase(
  phase: PhasePlan,
  common: Omit<PhaseOptions, "phase" | "folder" | "from">,
): Promise<PhaseResult> {
  const { plan, resume, files, emit, logger, team } = common;
  const folder = folderOf(phase, common);
  const onDamaged = (message: string) => emit({ type: "note", phase: phase.name, message });
  const from = resume
    ? await team.firstThenOthers(() => resumePoint({ folder, phase, plan, files, onDamaged }))
    : undefined;
  const ended = from?.state.step === phase.training.steps &&
    await team.each(() => finishedResult(folder, from.state.step));
  if (ended) return ended;
  const result = await trainPhase({ ...common, phase, folder, from });
  if (result.final) {
    logger?.evaluation(result.steps, result.final);
    const record: FinalRecord = {
      phase: phase.name,
      step: result.steps,
      seed: plan.seed,
      best: result.best ?? null,
      ...result.final,
    };
    const text = `${JSON.stringify(record, null, 2)}\n`;
    await team.each(async () => {
      if (team.leads) await writeWhole(`${folder}/${EVALUATION}`, new TextEncoder().encode(text));
    });
  }
  return result;
}

/** @throws the signal's reason if it is an error other than an AbortError, which only asks to stop */
function stopped({ reason }: AbortSignal): void {
  if (reason instanceof Error && reason.name !== "AbortError") throw reason;
}

/**
 * Logs that the run failed. If the log cannot be written, which may be the failure itself, nothing is thrown.
 */
function logFailure(emit: (event: TrainEvent) => void, phase: string, error: unknown): void {
  try {
    emit({ type: "failure", phase, message: messageOf(error) });
  } catch {
    // The caller throws the first error.
  }
}

/** What `evaluation.json` holds. */
interface FinalRecord extends Evaluation {
  readonly phase: string;
  readonly step: number;
  readonly seed: number;
  readonly best: { readonly step: number; readonly miou: number } | null;
}

/**
 * How a phase ended that an earlier process completed; undefined when the process left no evaluation of it.
 */
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
