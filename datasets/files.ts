/**
 * The disk, as datasets see it. All reading of data goes through one object, so that errors say in words what
 * is wrong with a path: missing, a folder, a dead link and where it leads, not allowed.
 */
import { setImmediate } from "node:timers/promises";
import { DataError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import type { FileReader } from "../core/plugin.ts";
import { messageOf } from "../core/words.ts";
import { deadLink } from "./links.ts";
import { listTree } from "./tree.ts";

/** The reader of the disk, one object for the whole process: `readsDisk` compares with it. */
const DISK: FileReader = {
  async read(path) {
    try {
      const other = notAFile(await Deno.stat(path));
      if (other !== undefined) throw new DataError(path, `this is ${other}; expected a file`);
      return await Deno.readFile(path);
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError(path, await reasonOf(path, cause, "file"), { cause });
    }
  },
  async head(path, bytes) {
    try {
      // Opening a pipe would wait until something writes into it.
      const other = notAFile(await Deno.stat(path));
      if (other !== undefined) throw new DataError(path, `this is ${other}; expected a file`);
      using file = await Deno.open(path);
      const head = new Uint8Array(bytes);
      let length = 0;
      for (let read: number | null = 0; read !== null && length < bytes; length += read ?? 0) {
        read = await file.read(head.subarray(length));
      }
      return head.subarray(0, length);
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError(path, await reasonOf(path, cause, "file"), { cause });
    }
  },
  async list(folder, onUnlisted = () => {}) {
    try {
      return await listTree(folder, onUnlisted);
    } catch (cause) {
      throw new DataError(folder, await reasonOf(folder, cause, "folder"), { cause });
    }
  },
  async entries(folder) {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) names.push(name);
    } catch {
      // Reading what is named there says why.
    }
    return names;
  },
  async sizes(paths) {
    const found: (number | undefined)[] = [];
    for (const path of paths) {
      // Asking one at a time without waiting takes a tenth of the time.
      found.push(sizeOf(path));
      if (found.length % 1000 === 0) await setImmediate();
    }
    return found;
  },
  async realPath(path) {
    try {
      return await Deno.realPath(path);
    } catch {
      // Reading it says why.
      return undefined;
    }
  },
};

/**
 * Reads from the disk. Every call returns the same reader: workers, which have one of their own, can stand in
 * for it.
 */
export function diskFiles(): FileReader {
  return DISK;
}

/** Whether it is {@linkcode diskFiles}' own reader; one that wraps or changes it is not. */
export function readsDisk(files: FileReader): boolean {
  return files === DISK;
}

/** The size of a file in bytes; undefined where it cannot be asked for. */
function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    // Reading it says why.
    return undefined;
  }
}

/** Why a path cannot be read, as the end of the sentence `PATH: ...`. */
async function reasonOf(path: string, cause: unknown, what: "file" | "folder"): Promise<string> {
  if (cause instanceof Deno.errors.PermissionDenied || cause instanceof Deno.errors.NotCapable) {
    return `reading this ${what} is not allowed`;
  }
  const link = await deadLink(path);
  if (link !== undefined) {
    const self = link.path === path ? "this link" : `there is no such ${what}: the link ${link.path}`;
    if (link.to === undefined) return `${self} leads to itself`;
    return `${self} leads to ${link.to}, where there is no such ${link.path === path ? what : "folder"}`;
  }
  if (cause instanceof Deno.errors.NotFound) return `there is no such ${what}`;
  if (cause instanceof Deno.errors.NotADirectory) return "this is a file; expected a folder";
  if (cause instanceof Deno.errors.IsADirectory) return "this is a folder; expected a file";
  return `this ${what} cannot be read (${messageOf(cause)})`;
}
