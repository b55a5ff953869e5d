/**
 * How the files of a run folder are read: a small interface, so that tests use memory and the page server can
 * watch a folder, and its implementation on the disk. Links in a run folder must not lead out of it, except
 * for checkpoints: a report of a stranger's run would otherwise show whatever file a link names.
 */
import { sep } from "node:path";
import { UserError } from "../core/errors.ts";
import { IN_CHECKPOINTS } from "./layout.ts";

/** How a run folder is read. Paths are relative to the folder, with `/`. */
export interface RunFiles {
  /** How messages call the folder. */
  readonly folder: string;
  /** Undefined when there is no such file. @throws Error when it cannot be looked at */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Up to `length` bytes from `offset` on; fewer at the end. @throws Error when it cannot be read */
  read(path: string, range: ByteRange): Promise<Uint8Array>;
  /**
   * Names of a folder's files and links; empty when there is no such folder. @throws Error when it cannot be
   * listed
   */
  list(path: string): Promise<readonly string[]>;
  /** The same for its folders, links left out. */
  folders(path: string): Promise<readonly string[]>;
  /**
   * Whether a process holds the file's lock; undefined where the system does not tell. The lock is not waited
   * for.
   */
  isLocked(path: string): Promise<boolean | undefined>;
}

/** What is known of a file. */
export interface FileFacts {
  /** Changes when another file takes this one's place; absent where the system does not say. */
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
 * @param shown how messages call the folder
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
      // Opening a pipe waits for who writes into it.
      if (!(await ifThere(Deno.stat(`${path}/${name}`)))?.isFile) return false;
      using file = await ifThere(Deno.open(`${path}/${name}`));
      if (file === undefined) return false;
      try {
        // Shared, so that two readers do not take each other for the writer; it is given back with the file.
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

/** A JSON object. @throws Error when the text is something else */
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

/** What a file operation returns; undefined when it fails because there is no such file. */
export async function ifThere<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
