/**
 * Which of many runs is the newest, for commands that are given no run.
 *
 * `plca view`, `eval` and others that take a run ask it. Newest is decided by the time of a file that only
 * runs have, not by the folder's own, which a copy or any new file changes.
 */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";

/**
 * The run whose `file` was written last.
 * @param runs the folder of run folders, absolute
 * @param given the same as the person wrote it, for messages
 * @param file relative to a run's folder
 * @returns absolute; undefined when no run has such a file, or `runs` is not there
 * @throws UserError when `runs` cannot be listed
 */
export async function newestRun(runs: string, given: string, file: string): Promise<string | undefined> {
  let newest: { readonly folder: string; readonly time: number } | undefined;
  try {
    for await (const { name, isDirectory } of Deno.readDir(runs)) {
      if (!isDirectory) continue;
      const folder = join(runs, name);
      const time = await Deno.stat(join(folder, file)).then(({ mtime }) => mtime?.getTime(), () => undefined);
      if (time !== undefined && (!newest || time > newest.time)) newest = { folder, time };
    }
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) {
      throw new UserError(`${printable(given)}: ${reason(cause)}`, { cause });
    }
  }
  return newest?.folder;
}
