/**
 * Finding the checkpoint from which a phase continues: the newest one that is whole and of this very recipe.
 *
 * train/mod.ts asks it for each phase of a run that goes on. A damaged checkpoint is passed over with a
 * note, the one before it taken; one of another recipe is an error, since its variables would mean something
 * else.
 */
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

/** Where a checkpoint is looked for, and what it must belong to. */
export interface ResumeSearch {
  /** The phase's folder. */
  readonly folder: string;
  readonly phase: PhasePlan;
  readonly plan: RunPlan;
  readonly files: FileReader;
  /** Called with a sentence that names the damaged checkpoints, if there are some. */
  readonly onDamaged: (message: string) => void;
}

/** The newest checkpoint of a folder that can be read. */
export interface WholeCheckpoint extends StoredCheckpoint {
  readonly path: string;
  /** A sentence that names the newer files that are damaged; "" when there are none. */
  readonly damage: string;
}

/**
 * Reads `checkpoints/last.safetensors` in a phase's folder or, where it is damaged, the newest whole one of
 * those before it.
 * @returns undefined when none was written
 * @throws UserError that lists them when all are damaged, DataError when one cannot be read
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
 * The newest whole checkpoint of a phase; undefined when none was written. Where newer ones are damaged,
 * `onDamaged` is called and the whole one becomes `last.safetensors`.
 * @throws UserError when all are damaged, or the newest whole one is of another recipe, phase, seed or number
 * of steps, or of a version of plca that wrote no state
 */
export async function resumePoint(search: ResumeSearch): Promise<ResumePoint | undefined> {
  const newest = await newestWhole(search.folder, search.files);
  if (!newest) return undefined;
  const { path, tensors, state, damage } = newest;
  if (damage !== "") {
    search.onDamaged(damage);
    // Otherwise the next save would keep the damaged file as the former one, and remove this one.
    await Deno.rename(path, `${search.folder}/${LAST_CHECKPOINT}`);
  }
  return { path, tensors, state: checked(path, state, search) };
}

/** The path `last` and its former files ({@linkcode formerPath}), as far as they exist, newest first. */
async function present(last: string): Promise<string[]> {
  const paths: string[] = [];
  let absent = 0;
  // A process that died between two renames leaves one gap, so the search ends after two.
  for (let age = 0; absent < 2; age++) {
    const path = formerPath(last, age);
    if (await isFile(path)) paths.push(path), absent = 0;
    else absent += 1;
  }
  return paths;
}

/** Whether `path` is a file; false also where that cannot be found out. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/** The state of a checkpoint. @throws UserError when it has none, or it belongs to another plan */
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
    const stored = state[key as keyof typeof expected];
    if (stored !== value) throw new UserError(`${path}: its ${key} is ${stored}, the recipe's ${value}`);
  }
  return state;
}
