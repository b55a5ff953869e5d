/** Which of many runs is the newest. */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";

/** What is looked for. */
export interface NewestWanted {
  /** The folder of run folders, absolute. */
  readonly runs: string;
  /** The same as the person wrote it. */
  readonly given: string;
  /** Relative to a run's folder: the time of this file counts. */
  readonly file: string;
}

/** The absolute folder of the run whose `file` was written last; undefined when none has one. @throws UserError when `runs` cannot be listed */
export async function newestRun({ runs, given, file }: NewestWanted): Promise<string | undefined> {
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
