/**
 * How the files of a run folder are read: an interface, {@linkcode RunFiles}, and its implementation on the
 * disk, {@linkcode diskRun}. Commands open a folder with `diskRun` and hand it to `readRun` (read.ts), or to
 * `LiveRun` (follow.ts), which asks `stat` again and again to see what has changed. Tests keep a run in memory
 * instead.
 *
 * A run folder may come from somebody else. If a report followed every link in it, it could show any file of
 * this machine. So the content of a file is read only if the file lies inside the folder; checkpoints alone
 * may be links that lead out. Errors here say what is wrong ("it is ...") without the file's name, which the
 * caller puts in front.
 */
import { sep } from "node:path";
import { UserError } from "../core/errors.ts";
import { IN_CHECKPOINTS } from "./layout.ts";

/** How a run folder is read. Paths are relative to the folder, with `/`. */
export interface RunFiles {
  /** What messages call the folder, such as its path as the person typed it. */
  readonly folder: string;
  /** The size and age of a file; undefined when there is none. @throws Error when it cannot be looked at */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Up to `length` bytes from `offset` on; fewer at the end. @throws Error when it cannot be read */
  read(path: string, range: ByteRange): Promise<Uint8Array>;
  /**
   * Names of a folder's files and links; empty when there is no such folder. @throws Error when it cannot be
   * listed
   */
  list(path: string): Promise<readonly string[]>;
  /** Names of the folders in a folder, without links; otherwise as {@linkcode RunFiles.list}. */
  folders(path: string): Promise<readonly string[]>;
  /**
   * Whether a process holds the file's lock, as a training does with its log. False when there is no such
   * file, undefined where the file system has no locks. It answers at once and does not wait for the lock.
   */
  isLocked(path: string): Promise<boolean | undefined>;
}

/** What is known of a file. */
export interface FileFacts {
  /** Differs when another file has taken this one's place; absent where the system does not say. */
  readonly identity?: string;
  /** In bytes. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970; NaN where the system does not say. */
  readonly modified: number;
}

/** A part of a file, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * The run folder at `path`, on the disk. Checkpoints may be links, since people keep them on other disks; for
 * any other file that leads out of the folder, `stat` and `read` throw a UserError.
 * @param shown what messages call the folder
 */
export function diskRun(path: string, shown: string = path): RunFiles {
  async function requireInside(name: string): Promise<void> {
    if (IN_CHECKPOINTS.test(name)) return;
    const [folder, file] = await Promise.all([
      Deno.realPath(path),
      ifThere(Deno.realPath(`${path}/${name}`)),
    ]);
    if (file !== undefined && !file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      throw new UserError("it is a link that leads out of the folder of the run");
    }
  }
  return {
    folder: shown,
    async stat(name) {
      const found = await ifThere(Deno.stat(`${path}/${name}`));
      if (!found?.isFile) return undefined;
      await requireInside(name);
      const { size, mtime, dev, ino } = found;
      return {
        size,
        modified: mtime?.getTime() ?? NaN,
        ...(ino === null ? {} : { identity: `${dev}:${ino}` }),
      };
    },
    async read(name, { offset, length }) {
      await requireInside(name);
      using file = await Deno.open(`${path}/${name}`);
      await file.seek(offset, Deno.SeekMode.Start);
      const bytes = new Uint8Array(Math.max(0, Math.min(length, (await file.stat()).size - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const read = await file.read(bytes.subarray(filled));
        if (read === null) break;
        filled += read;
      }
      return bytes.subarray(0, filled);
    },
    list: (name) => namesIn(`${path}/${name}`, ({ isFile, isSymlink }) => isFile || isSymlink),
    folders: (name) => namesIn(`${path}/${name}`, ({ isDirectory }) => isDirectory),
    async isLocked(name) {
      // Only a file is opened: opening a named pipe would wait until somebody writes into it.
      if (!(await ifThere(Deno.stat(`${path}/${name}`)))?.isFile) return false;
      using file = await ifThere(Deno.open(`${path}/${name}`));
      if (file === undefined) return false;
      try {
        // A shared lock (false), so that two readers do not take each other for the writer. Closing the file
        // gives it back.
        return !await file.tryLock(false);
      } catch {
        return undefined;
      }
    },
  };
}

async function namesIn(folder: string, isWanted: (entry: Deno.DirEntry) => boolean): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (isWanted(entry)) names.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return names.sort();
}

/** The most bytes of a text file of a run, 16 MB. */
const LARGEST_TEXT = 16e6;

/**
 * A text file of a run; undefined when there is none. @throws Error when it cannot be read, or is larger than
 * 16 MB
 */
export async function readText(files: RunFiles, path: string): Promise<string | undefined> {
  const facts = await files.stat(path);
  if (facts === undefined) return undefined;
  if (facts.size > LARGEST_TEXT) throw new Error(`it has ${facts.size} bytes, too many for such a file`);
  return new TextDecoder().decode(await files.read(path, { offset: 0, length: facts.size }));
}

/** The JSON object that a text holds. @throws Error when the text is something else */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error("it is not JSON", { cause });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Error("it is no JSON object");
}

/** Awaits a file operation: its result, or undefined when it fails because there is no such file. */
export async function ifThere<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
