/** Run folders that a command is given. */
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { diskRun } from "../run_folder/files.ts";
import { EVENTS, RECORD } from "../run_folder/layout.ts";
import { newestRun } from "../run_folder/newest.ts";
import { isRunFolder } from "../run_folder/read.ts";
import type { Host } from "./host.ts";
import { neighbour } from "./neighbour.ts";
import { shown, stat } from "./run_folder.ts";

/**
 * Checks that a folder holds a run. @param folder absolute @throws UserError when it does not, with the
 * newest run inside it if there is one
 */
export async function requireRun(host: Host, folder: string): Promise<void> {
  const name = printable(shown(host, folder));
  const info = await stat(folder);
  if (info === undefined) {
    const near = await neighbour(folder, host.cwd) || "; expected a run, as in runs/street-001";
    throw new UserError(`${name}: there is no such folder${near}`);
  }
  if (!info.isDirectory) {
    throw new UserError(`${name}: it is a file; expected a run folder, as in runs/street-001`);
  }
  if (await isRunFolder(diskRun(folder))) return;
  const newest = await newestRun(folder, name, EVENTS);
  throw new UserError(
    `${name}: it is no run folder: it has neither ${EVENTS} nor ${RECORD}, which plca train writes` +
      (newest === undefined ? "" : `; the newest run in it is ${printable(shown(host, newest))}`),
  );
}
