/** The weights that a phase begins with: of the seed, a file or the phase before, and of the networks beside the student. */
import { UserError } from "../core/errors.ts";
import type { TrainEvent } from "../core/events.ts";
import type { PhasePlan, RunPlan } from "../core/plan.ts";
import type { FileReader, Segmenter } from "../core/plugin.ts";
import { foldersOf, LAST_CHECKPOINT, within } from "../run_folder/layout.ts";
import { describeImport, type ImportReport } from "../weights/mapping.ts";
import { modelState, type Run } from "./assemble.ts";
import { restoreEntries } from "./checkpoint.ts";
import type { ResumePoint } from "./resume.ts";
import { initialiseFrom, loadWeights } from "./weights.ts";

/** Where weights come from. */
export interface StartOptions {
  readonly plan: RunPlan;
  readonly phase: PhasePlan;
  readonly runDir: string;
  /** How files of weights are read. */
  readonly files: FileReader;
  readonly emit: (event: TrainEvent) => void;
}

/** Gives every network the weights that the phase begins with, and logs what was used of files. @throws UserError, DataError */
export async function initialise(run: Run, options: StartOptions): Promise<void> {
  const { plan, phase: { name: phase, from }, files, emit, runDir } = options;
  const note = (message: string) => emit({ type: "note", phase, message });
  const state = modelState(run.segmenter);
  const { weights } = plan.model;
  if (from.kind === "seed") {
    if (weights !== undefined) {
      told(weights.file, await initialiseFrom(weights, { plan, state }, files), note);
    }
  } else {
    const path = from.kind === "file" ? from.path : checkpointOf(plan, runDir, from.name);
    await loadWeights(path, { plan, state }, files);
    note(`weights of ${path}`);
  }
  await startNetworks(run, options, note);
}

function told(path: string, report: ImportReport, note: (message: string) => void): void {
  const { warnings, notice = [] } = report;
  const messages = [`weights of ${path}: ${describeImport(report)}`, ...warnings].concat(notice);
  for (const message of messages) note(message);
}

/** The last checkpoint of another phase of the run. */
function checkpointOf({ phases }: RunPlan, runDir: string, name: string): string {
  const { folder } = foldersOf(phases).find((phase) => phase.name === name)!;
  return within(runDir, within(folder, LAST_CHECKPOINT));
}

/** Copies of the student are copied now; the others come from their files. */
async function startNetworks(
  { segmenter: student, networks }: Run,
  { plan: { labelSpace }, files }: StartOptions,
  note: (message: string) => void,
): Promise<void> {
  for (const { planned, segmenter } of networks.values()) {
    if (planned.plan.start === "student") copyNetwork(student, segmenter);
    else if (planned.weights !== undefined) {
      const target = { plan: { labelSpace, model: { plan: planned.model } }, state: modelState(segmenter) };
      told(planned.weights.file, await initialiseFrom(planned.weights, target, files), note);
    }
  }
}

/**
 * Everything as a checkpoint has it; networks that no checkpoint holds are read from their files again.
 * @throws UserError, DataError
 */
export async function restore(run: Run, from: ResumePoint, options: StartOptions): Promise<void> {
  await startNetworks(run, options, () => {});
  restoreEntries(from, run.state);
}

/** @throws UserError when the networks are not alike */
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
