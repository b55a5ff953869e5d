/**
 * Files that are there whole or not at all.
 *
 * A crash or power cut may come at any moment, and a file half written is worse than none: a checkpoint of
 * which half is old would load. So every file is written beside its place, flushed to the disk, and then
 * renamed, which a file system does in one step; the folder is flushed as well, since the new name lies
 * there. Where nothing may be overwritten, a hard link takes the place of the rename, because it fails when
 * the name exists.
 */
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { ifThere } from "./files.ts";

/** Makes a folder and those above it. @throws UserError */
export async function makeFolder(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
  } catch (cause) {
    throw new UserError(`${path}: the folder cannot be created (${whyNoFolder(cause)})`, { cause });
  }
}

function whyNoFolder(cause: unknown): string {
  if (cause instanceof Deno.errors.AlreadyExists) return "it is a file, expected a folder";
  if (cause instanceof Deno.errors.NotADirectory) return "a part of its path is a file, expected a folder";
  return messageOf(cause);
}

/**
 * Writes a file, replacing one that is there. Neither a reader nor a crash ever sees half of it.
 * @throws UserError when it cannot be written
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await replaceKeeping({ path, bytes, keep: 1 });
}

/**
 * Writes a file where there is none; one that is there stays as it is. Of several processes, one makes it.
 * @returns false when there is one already
 * @throws UserError when it cannot be written
 */
export async function createWhole(path: string, bytes: Uint8Array): Promise<boolean> {
  const temporary = `${path}.${crypto.randomUUID()}.part`;
  try {
    await writeFlushed(temporary, bytes);
    await placeNew(temporary, path);
    await syncFolder(dirname(path));
    return true;
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) return false;
    throw new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

/** Whether a file is what a crash left of a write to `name` in the same folder. */
export function isLeftOf(name: string, found: string): boolean {
  return found.startsWith(`${name}.`) && found.endsWith(".part");
}

/**
 * Gives a file its name unless the name is taken: by a link, which never replaces a file, or where the file
 * system has no links by taking the name first.
 */
async function placeNew(temporary: string, path: string): Promise<void> {
  try {
    await Deno.link(temporary, path);
    return;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
  }
  // Where the file system has no links, the name is taken first.
  (await Deno.open(path, { write: true, createNew: true })).close();
  try {
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
}

/** Writes a file and waits until its bytes have reached the disk. */
async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  try {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } finally {
    file.close();
  }
}

/** A file to write, and how many of its predecessors stay. */
export interface Replacement {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** How many files stay, the new one included; at least 1. */
  readonly keep: number;
}

/**
 * Writes a file and keeps its predecessors: what lay at `path` becomes {@linkcode formerPath}`(path, 1)` and
 * so on, the oldest goes. A crash at any moment leaves the newest whole file at `path` or, where the file
 * system has no links, one place further.
 * @throws UserError when it cannot be written
 */
export async function replaceKeeping({ path, bytes, keep }: Replacement): Promise<void> {
  const temporary = `${path}.part`;
  try {
    await writeFlushed(temporary, bytes);
    for (let age = keep - 1; age > 1; age--) {
      await ifThere(Deno.rename(formerPath(path, age - 1), formerPath(path, age)));
    }
    if (keep > 1) await keepFormer(path);
    await Deno.rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  }
}

/**
 * Where the file lies that was at `path` `age` replacements ago: `last.1.safetensors` for `last.safetensors`
 * and 1; `path` itself for 0.
 */
export function formerPath(path: string, age: number): string {
  return age === 0 ? path : path.replace(/(\.[^./]+)?$/, `.${age}$1`);
}

/**
 * Gives the file at `path` its next older name by a link, so that at no moment there is no file at `path`.
 */
async function keepFormer(path: string): Promise<void> {
  const linked = `${path}.kept`;
  try {
    await Deno.remove(linked).catch(() => {});
    await Deno.link(path, linked);
    await Deno.rename(linked, formerPath(path, 1));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    await ifThere(Deno.rename(path, formerPath(path, 1)));
  }
}

/**
 * Flushes a folder: a rename has reached the disk only with it. Not every system can open one; then it is
 * left to the system.
 */
async function syncFolder(path: string): Promise<void> {
  let folder: Deno.FsFile;
  try {
    folder = await Deno.open(path);
  } catch {
    return;
  }
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}
