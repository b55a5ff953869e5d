/** Run folders that a command is given, or finds. */
import { join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { diskRun } from "../run_folder/files.ts";
import { EVENTS, isRunFolder } from "../run_folder/run.ts";
import type { Host } from "./host.ts";
import { reason } from "./recipes.ts";
import { shown, stat } from "./run_folder.ts";

/** @param folder absolute @throws UserError when it holds no run; names the newest run in it, if there is one */
export async function requireRun(host: Host, folder: string): Promise<void> {
  const name = printable(shown(host, folder));
  const info = await stat(folder);
  if (info === undefined) {
    throw new UserError(`${name}: there is no such folder; expected a run, as in runs/street-001`);
  }
  if (!info.isDirectory) {
    throw new UserError(`${name}: it is a file; expected a run folder, as in runs/street-001`);
  }
  if (await isRunFolder(diskRun(folder))) return;
  const newest = await newestRunIn(host, folder);
  throw new UserError(
    `${name}: it is no run folder: it has neither ${EVENTS} nor run.json, which plca train writes` +
      (newest === undefined ? "" : `; the newest run in it is ${printable(shown(host, newest))}`),
  );
}

/** The run whose log was written to last; undefined when there is none. @throws UserError when `runs` cannot be listed */
export async function newestRunIn(host: Host, runs: string): Promise<string | undefined> {
  const parent = resolve(host.cwd, runs);
  let newest: { readonly folder: string; readonly time: number } | undefined;
  try {
    for await (const { name, isDirectory } of Deno.readDir(parent)) {
      if (!isDirectory) continue;
      const folder = join(parent, name);
      const time = (await stat(join(folder, EVENTS)))?.mtime?.getTime();
      if (time !== undefined && (!newest || time > newest.time)) newest = { folder, time };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`${printable(runs)}: ${reason(error)}`, { cause: error });
    }
  }
  return newest?.folder;
}
