/** Finding where a phase can go on. */
import { UserError } from "../core/errors.ts";
import type { PhasePlan, RunPlan } from "../core/plan.ts";
import type { FileReader } from "../core/plugin.ts";
import { LAST_CHECKPOINT } from "../run_folder/layout.ts";
import { formerPath } from "../run_folder/write.ts";
import { type CheckpointState, readCheckpoint, type StoredCheckpoint } from "./checkpoint.ts";

/** A checkpoint that a phase continues from. */
export interface ResumePoint {
  readonly path: string;
  readonly tensors: StoredCheckpoint["tensors"];
  readonly state: CheckpointState;
}

/** What is looked for. */
export interface ResumeSearch {
  /** The phase's folder. */
  readonly folder: string;
  readonly phase: PhasePlan;
  readonly plan: RunPlan;
  readonly files: FileReader;
  /** Called for every checkpoint that is damaged. */
  readonly onDamaged: (message: string) => void;
}

/** The newest checkpoint of a folder that can be read, and what is wrong with those that came after it. */
export interface WholeCheckpoint extends StoredCheckpoint {
  readonly path: string;
  /** "" when nothing is; else a sentence that names the files. */
  readonly damage: string;
}

/**
 * Looks at `checkpoints/last.safetensors` in a run's folder and at those before it.
 * @returns undefined when none was written @throws UserError when all are damaged
 */
export async function newestWhole(folder: string, files: FileReader): Promise<WholeCheckpoint | undefined> {
  const damaged: string[] = [];
  for (const path of await present(`${folder}/${LAST_CHECKPOINT}`)) {
    try {
      const read = await readCheckpoint(path, files);
      const damage = damaged.length === 0 ? "" : `${damaged.join("; ")}; ${path} is used instead`;
      return { path, ...read, damage };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged.push(error.message);
    }
  }
  if (damaged.length === 0) return undefined;
  throw new UserError(`no checkpoint of ${folder} can be used:\n${damaged.join("\n")}`);
}

/**
 * The newest whole checkpoint of a phase; undefined when none was written. A damaged one is told and the one before it
 * taken. @throws UserError when all are damaged, or they are another run's or an older version's
 */
export async function resumePoint(search: ResumeSearch): Promise<ResumePoint | undefined> {
  const found = await newestWhole(search.folder, search.files);
  if (!found) return undefined;
  const { path, tensors, state, damage } = found;
  if (damage !== "") {
    search.onDamaged(damage);
    // Else the next checkpoint would keep the damaged one as the former and put this one away.
    await Deno.rename(path, `${search.folder}/${LAST_CHECKPOINT}`);
  }
  return { path, tensors, state: checked(path, state, search) };
}

/** What {@linkcode formerPath} may have made of it, newest first. */
async function present(last: string): Promise<string[]> {
  const found: string[] = [];
  let absent = 0;
  // Between two renames one place is empty.
  for (let age = 0; absent < 2; age++) {
    const path = formerPath(last, age);
    if (await isFile(path)) found.push(path), absent = 0;
    else absent += 1;
  }
  return found;
}

/** Whether a file lies there; false also when that cannot be told. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

function checked(
  path: string,
  state: CheckpointState | undefined,
  { plan, phase }: ResumeSearch,
): CheckpointState {
  if (state === undefined) {
    throw new UserError(
      `${path}: an older plca wrote it, without what a resumed run needs; plca eval --checkpoint still reads it`,
    );
  }
  const expected = { recipe: plan.name, phase: phase.name, steps: phase.training.steps, seed: plan.seed };
  for (const [key, value] of Object.entries(expected)) {
    const found = state[key as keyof typeof expected];
    if (found !== value) throw new UserError(`${path}: its ${key} is ${found}, the recipe's ${value}`);
  }
  return state;
}
