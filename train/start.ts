/**
 * The weights that a phase begins with. The student's come from the seed, from a file of weights, or from the
 * last checkpoint of another phase; other networks begin as copies of the student or with a file of their
 * own.
 *
 * phase.ts calls it when a phase begins, rehearse.ts for a trial. The student must have its weights before
 * other networks are made as copies of it.
 */
import { UserError } from "../core/errors.ts";
import type { TrainEvent } from "../core/events.ts";
import type { PhasePlan, RunPlan } from "../core/plan.ts";
import type { FileReader, Segmenter } from "../core/plugin.ts";
import { randomStart } from "../core/random_start.ts";
import { foldersOf, LAST_CHECKPOINT, within } from "../run_folder/layout.ts";
import { describeImport, type ImportReport } from "../weights/mapping.ts";
import type { Run } from "./assemble.ts";
import { modelState } from "./state.ts";
import { restoreEntries } from "./checkpoint.ts";
import type { ResumePoint } from "./resume.ts";
import { initialiseFrom, loadWeights } from "./weights.ts";

/** The phase that begins, and the run that it belongs to. */
export interface StartOptions {
  readonly plan: RunPlan;
  readonly phase: PhasePlan;
  readonly runDir: string;
  /** How files of weights are read. */
  readonly files: FileReader;
  readonly emit: (event: TrainEvent) => void;
}

/**
 * Gives every network the weights that the phase begins with, and notes which tensors of files were used.
 * @throws UserError when a file does not fit its network, DataError when it cannot be read
 */
export async function initialise(run: Run, options: StartOptions): Promise<void> {
  const { plan, phase: { name: phase, from }, files, emit, runDir } = options;
  const note = (message: string) => emit({ type: "note", phase, message });
  const state = modelState(run.segmenter);
  const { weights } = plan.model;
  if (from.kind === "seed") {
    const random = randomStart(plan);
    if (weights !== undefined) {
      noteImport(weights.file, await initialiseFrom(weights, { plan, state }, files), note);
    } else if (random !== undefined && phase === plan.phases.find((one) => one.from.kind === "seed")?.name) {
      note(random);
    }
  } else {
    const path = from.kind === "file" ? from.path : checkpointOf(plan, runDir, from.name);
    await loadWeights(path, { plan, state }, files);
    note(`weights of ${path}`);
  }
  await startNetworks(run, options, note);
}

/** Notes what was read of a file, and the warnings about it. */
function noteImport(path: string, report: ImportReport, note: (message: string) => void): void {
  const { warnings, notice = [] } = report;
  const messages = [`weights of ${path}: ${describeImport(report)}`, ...warnings].concat(notice);
  for (const message of messages) note(message);
}

/** The last checkpoint of another phase of the run. */
function checkpointOf({ phases }: RunPlan, runDir: string, name: string): string {
  const { folder } = foldersOf(phases).find((phase) => phase.name === name)!;
  return within(runDir, within(folder, LAST_CHECKPOINT));
}

/** Gives the networks beside the student their weights: those of the student, or those of their files. */
async function startNetworks(
  { segmenter: student, networks }: Run,
  { plan: { labelSpace }, files }: StartOptions,
  note: (message: string) => void,
): Promise<void> {
  for (const { planned, segmenter } of networks.values()) {
    if (planned.plan.start === "student") copyNetwork(student, segmenter);
    else if (planned.weights !== undefined) {
      const target = { plan: { labelSpace, model: { plan: planned.model } }, state: modelState(segmenter) };
      noteImport(planned.weights.file, await initialiseFrom(planned.weights, target, files), note);
    }
  }
}

/**
 * Gives every variable the value in a checkpoint; networks that checkpoints do not hold are read from their
 * files again.
 * @throws UserError when the checkpoint or a file does not fit, DataError when a file cannot be read
 */
export async function restore(run: Run, from: ResumePoint, options: StartOptions): Promise<void> {
  await startNetworks(run, options, () => {});
  restoreEntries(from, run.state);
}

/** Copies all parameters and buffers. @throws UserError when the networks differ in a name or a shape */
function copyNetwork(from: Segmenter, to: Segmenter): void {
  const [given, wanted] = [from, to].map((network) => modelState(network));
  wanted!.forEach(({ name, variable }, k) => {
    const source = given![k];
    if (source?.name !== name || String(source.variable.shape) !== String(variable.shape)) {
      throw new UserError(`a copy of the student needs the student's model; ${name} differs`);
    }
    variable.assign(source.variable);
  });
}
