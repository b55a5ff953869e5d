/** One setup at a time: a folder that is being filled belongs to the process that holds the lock in it. */
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { messageOf } from "../../../core/words.ts";

/** The lock's file name. */
export const LOCK = "lock";

/**
 * Creates the folder and locks it, until the result goes out of scope. A folder whose process has ended is
 * taken over.
 * @throws UserError when another process has it, or it cannot be written
 */
export async function claimFolder(folder: string): Promise<Disposable> {
  const path = join(folder, LOCK);
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(folder, { recursive: true });
    file = await Deno.open(path, { create: true, write: true });
  } catch (error) {
    throw new UserError(`TensorFlow cannot be set up: ${folder} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (await file.tryLock(true) && await isStill(path, file)) return file;
  file.close();
  throw new UserError(`another setup of TensorFlow is at work in ${folder}; wait for it, then try again`);
}

/**
 * Whether the locked file is still the one in the folder: another setup may have ended, and taken its folder
 * along, after the file was opened.
 */
async function isStill(path: string, file: Deno.FsFile): Promise<boolean> {
  try {
    return (await Deno.stat(path)).ino === (await file.stat()).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes all but the lock. @returns whether there was anything to remove */
export async function emptyClaimed(folder: string): Promise<boolean> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name)
    .filter((name) => name !== LOCK);
  for (const name of names) await Deno.remove(join(folder, name), { recursive: true });
  return names.length > 0;
}
