/** The file that a command is about to write. */
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import type { Host } from "./host.ts";
import { shown, stat } from "./run_folder.ts";

/** A file that a command is about to write. */
export interface OutputFile {
  /** Absolute. */
  readonly out: string;
  /** Whether one that is there may be overwritten. */
  readonly force: boolean;
  /** What such a file may be called. */
  readonly example: string;
}

/**
 * Checks before anything is computed that the file can be written. @throws UserError when it is there already
 * and not forced, is a folder, or its folder is not there
 */
export async function requireWritable(host: Host, { out, force, example }: OutputFile): Promise<void> {
  const info = await stat(out);
  if (info?.isDirectory) {
    throw new UserError(
      `--out ${printable(shown(host, out))}: it is a folder; expected a file, as in ${example}`,
    );
  }
  if (info && !force) {
    throw new UserError(
      `${
        printable(shown(host, out))
      } would be overwritten; choose another file with --out, or allow it with --force`,
    );
  }
  if (!(await stat(dirname(out)))?.isDirectory) {
    throw new UserError(
      `--out ${printable(shown(host, out))}: there is no folder ${printable(shown(host, dirname(out)))}`,
    );
  }
}
