/**
 * The log of a run, which the training process keeps locked. The lock answers "does anybody train here?"
 * without a file to clean up: the system releases it with the process, however that ends. So a run that was
 * killed can be resumed at once, and one that is alive cannot be resumed twice.
 */
import { dirname } from "node:path";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { diskRun } from "./files.ts";
import { EVENTS } from "./layout.ts";

/** A file that grows by lines. */
export interface LineLog {
  /** Appends one JSON value as a line; it has left the process when this returns. */
  write(value: object): void;
  close(): void;
}

/** Whether a process trains in a run folder; undefined where the system does not tell. */
export function isBusy(folder: string): Promise<boolean | undefined> {
  return diskRun(folder).isLocked(EVENTS);
}

/**
 * Refuses a folder in which a process trains, before anything is said about resuming it; training itself
 * looks again. @throws UserError
 */
export async function refuseBusy(folder: string): Promise<void> {
  if (await isBusy(folder)) throw trainsAlready(folder);
}

function trainsAlready(folder: string): UserError {
  return new UserError(`${folder}: another process trains in this folder; wait for it, or stop it`);
}

/**
 * Opens `path` to append and keeps it locked until it is closed or the process ends. A last line that a crash
 * cut short is taken off.
 * @throws UserError when another process trains there, or the file cannot be written
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

/**
 * How often a lock is asked for, and the milliseconds between: a process that only looks whether a run goes
 * on holds the lock for a moment.
 */
const LOCK_TRIES = 10, LOCK_PAUSE = 20;

function locked(file: Deno.FsFile): boolean {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 1; !file.tryLockSync(true); tries++) {
    if (tries === LOCK_TRIES) return false;
    Atomics.wait(pause, 0, 0, LOCK_PAUSE);
  }
  return true;
}

/** Cuts the file behind its last newline, which is looked for from the end. */
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
