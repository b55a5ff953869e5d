/** The runs that a folder holds, for commands that take a folder of runs. */
import { join, resolve } from "node:path";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";
import { diskRun, type RunFiles } from "../run_folder/files.ts";
import { isRunFolder } from "../run_folder/read.ts";
import type { Host } from "./host.ts";

/** A run in a folder that the person named. */
export interface RunBelow {
  readonly files: RunFiles;
  /** From the named folder; "" for that folder itself. */
  readonly path: string;
}

/**
 * The runs at a folder: the folder itself, those in it, and those of folders in it, as ablations have them.
 * Folders in it that cannot be read are named on stderr and left out.
 * @throws Error of the system when the folder itself cannot be listed
 */
export async function runsBelow(host: Host, given: string): Promise<RunBelow[]> {
  const root = resolve(host.cwd, given);
  const runs: RunBelow[] = [];
  const look = async (path: string, depth: number): Promise<void> => {
    const files = diskRun(join(root, path), join(given, path));
    if (await isRunFolder(files)) return void runs.push({ files, path });
    if (depth === 0) return;
    for await (const { name, isDirectory } of Deno.readDir(join(root, path))) {
      if (!isDirectory) continue;
      await look(join(path, name), depth - 1).catch((cause) => {
        host.stderr.write(`${printable(join(given, path, name))}: ${reason(cause)}\n`);
      });
    }
  };
  await look("", 2);
  return runs;
}
