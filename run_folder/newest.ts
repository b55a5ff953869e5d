/** Which of many runs is the newest. */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";

/**
 * The run whose `file` (relative to its folder) was written last, absolute; undefined when none has one.
 * @param runs the folder of run folders, absolute @param given the same as the person wrote it
 * @throws UserError when it cannot be listed
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
