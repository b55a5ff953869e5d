/** Writing into a run folder. */
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { messageOf } from "./loss_errors.ts";

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
 * Writes beside `path`, flushes and renames, so that neither a reader nor a crash ever sees half a file.
 * @throws UserError
 */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await replaceKeeping({ path, bytes, keep: 1 });
}

/**
 * The same where no file may be: one that is there stays. Of several processes one makes it.
 * @returns false when there is one already @throws UserError
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

/** A link never replaces a file, a renaming would. */
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

async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  try {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } finally {
    file.close();
  }
}

/** A file to write, and how much of what was there is kept. */
export interface Replacement {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Files kept, the new one included. */
  readonly keep: number;
}

/**
 * The same; what lay at `path` before becomes {@linkcode formerPath}`(path, 1)` and so on, the oldest goes. A crash at any
 * moment leaves the newest whole file at `path` or, where the file system has no links, one place further.
 * @throws UserError
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

/** Where the file lies that was `age` replacements ago at `path`: `last.safetensors` at `last.1.safetensors`. */
export function formerPath(path: string, age: number): string {
  return age === 0 ? path : path.replace(/(\.[^./]+)?$/, `.${age}$1`);
}

/** A link leaves no moment without a file at `path`. */
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

async function ifThere(renaming: Promise<void>): Promise<void> {
  try {
    await renaming;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A rename has reached the disk only with its folder. Not every system can open one. */
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

/** A file that grows by lines. */
export interface LineLog {
  /** Appends one JSON value as a line; it has left the process when this returns. */
  write(value: object): void;
  close(): void;
}

/** That another process trains in `folder`. */
export function trainsAlready(folder: string): UserError {
  return new UserError(`${folder}: another process trains in this folder; wait for it, or stop it`);
}

/**
 * Opens `path` to append and keeps it locked, so that no other process can open it this way; the lock ends with the
 * process, however it ends. A last line that a crash cut short is taken off. @throws UserError
 */
export function openLineLog(path: string): LineLog {
  const failed = (cause: unknown) =>
    new UserError(`${path}: cannot be written (${messageOf(cause)})`, { cause });
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { read: true, append: true, create: true });
  } catch (cause) {
    throw failed(cause);
  }
  try {
    if (!locked(file)) {
      throw trainsAlready(dirname(path));
    }
    cutHalfLine(file);
  } catch (cause) {
    file.close();
    throw cause instanceof UserError ? cause : failed(cause);
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

/** How often a lock is asked for, and milliseconds between: who looks whether a run goes on holds it for a moment. */
const LOCK_TRIES = 10, LOCK_PAUSE = 20;

function locked(file: Deno.FsFile): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 1; !file.tryLockSync(true); tries++) {
    if (tries === LOCK_TRIES) return false;
    Atomics.wait(pause, 0, 0, LOCK_PAUSE);
  }
  return true;
}

/** Looks for the last newline from the end; lines are short. */
function cutHalfLine(file: Deno.FsFile): void {
  const size = file.statSync().size;
  const block = new Uint8Array(4096);
  for (let end = size; end > 0;) {
    const begin = Math.max(0, end - block.length);
    file.seekSync(begin, Deno.SeekMode.Start);
    const read = file.readSync(block.subarray(0, end - begin)) ?? 0;
    const newline = block.subarray(0, read).lastIndexOf(0x0a);
    if (newline >= 0) {
      if (begin + newline + 1 < size) file.truncateSync(begin + newline + 1);
      return;
    }
    end = begin;
  }
  if (size > 0) file.truncateSync(0);
}
