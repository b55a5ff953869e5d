/** Writing into a run folder. */
import { UserError } from "../core/errors.ts";
import { messageOf } from "./loss_errors.ts";

/** Makes a folder and those above it. @throws UserError */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new UserError(`${path}: the folder cannot be created (${messageOf(cause)})`, { cause });
  }
}

/** Writes beside `path` and renames, so that a reader never sees half a file. @throws UserError */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.part`;
  try {
    await Deno.writeFile(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (cause) {
    throw new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  }
}

/** A file that grows by lines. */
export interface LineLog {
  /** Appends one JSON value as a line; it has left the process when this returns. */
  write(value: object): void;
  close(): void;
}

/** Opens `path` to append. @throws UserError */
export function openLineLog(path: string): LineLog {
  const failed = (cause: unknown) =>
    new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { append: true, create: true });
  } catch (cause) {
    throw failed(cause);
  }
  return {
    write(value) {
      let bytes = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
      try {
        while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
      } catch (cause) {
        throw failed(cause);
      }
    },
    close: () => file.close(),
  };
}
