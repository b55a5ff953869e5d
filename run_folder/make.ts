/**
 * Run folders: made once, never overwritten. Whoever begins a run owns its folder from the moment at which
 * `config.yaml` could be created there; of two processes that try, one gets an error. What this process made
 * and did not use is taken away again, and nothing else ever is.
 */
import { dirname, join, resolve } from "node:path";
import { UserError } from "../core/errors.ts";
import { reason } from "../core/words.ts";
import { configText } from "./config.ts";
import { diskRun, ifThere, parseObject, readText } from "./files.ts";
import { BEGINNING, CONFIG, RECORD } from "./layout.ts";
import { isBusy } from "./lock.ts";
import { createWhole, isLeftOf } from "./write.ts";

/** Which folder to make: a given one, or the next number. */
export interface FolderWanted {
  /** Relative paths begin here. */
  readonly cwd: string;
  /** Exactly this one. */
  readonly run: string | undefined;
  /** The folder of runs, and the name that gets a number. */
  readonly runs: string;
  readonly name: string;
}

/** A folder made for a run. */
export interface MadeFolder {
  /** Absolute. */
  readonly folder: string;
  /** Takes it away again, and the folders above that were made for it, as far as they are empty. */
  removeEmpty(): Promise<void>;
}

/**
 * Makes a new run folder: `run` itself, or the next free number below `runs`, as in `runs/street-001`. Safe
 * among several processes.
 * @throws UserError when `run` exists and is not empty, or the folder cannot be written
 */
export async function makeRunFolder({ cwd, run, runs, name }: FolderWanted): Promise<MadeFolder> {
  try {
    if (run !== undefined) {
      const folder = resolve(cwd, run);
      const made = await makeAll(folder);
      for await (const entry of Deno.readDir(folder)) {
        throw holdsAlready({ shown: run, option: "--run" }, entry.name);
      }
      return { folder, removeEmpty: () => removeEmpty(made) };
    }
    const parent = resolve(cwd, runs);
    const made = await makeAll(parent);
    for (let number = await highestNumber(parent, name) + 1;; number++) {
      const folder = join(parent, `${name}-${String(number).padStart(3, "0")}`);
      try {
        await Deno.mkdir(folder);
        return { folder, removeEmpty: () => removeEmpty([folder, ...made]) };
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  } catch (cause) {
    throw cannotBeMade(run ?? join(runs, name), cause);
  }
}

function cannotBeMade(given: string, cause: unknown): UserError {
  if (cause instanceof UserError) return cause;
  const why = cause instanceof Deno.errors.AlreadyExists ? "it is a file, expected a folder" : reason(cause);
  return new UserError(`the run folder ${given} cannot be made: ${why}`, { cause });
}

function holdsAlready({ shown, option }: Pick<Beginning, "shown" | "option">, name: string): UserError {
  return new UserError(
    `${shown} already holds ${name}; a run never overwrites anything, choose a new folder for ${option}`,
  );
}

/** Makes a folder and those above it. @returns those that were not there, the deepest first */
async function makeAll(folder: string): Promise<string[]> {
  try {
    await Deno.mkdir(folder);
    return [folder];
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && (await Deno.stat(folder)).isDirectory) return [];
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const above = await makeAll(dirname(folder));
  return [...await makeAll(folder), ...above];
}

/** Removes folders from the deepest on, up to the first that holds something. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  try {
    for (const folder of folders) await Deno.remove(folder);
  } catch {
    // It is not empty, so those above are not.
  }
}

/** The highest number that a run of this name has; 0 when there is none. */
async function highestNumber(parent: string, name: string): Promise<number> {
  let highest = 0;
  for await (const entry of Deno.readDir(parent)) {
    if (!entry.name.startsWith(`${name}-`)) continue;
    const digits = entry.name.slice(name.length + 1);
    if (/^\d+$/.test(digits)) highest = Math.max(highest, Number(digits));
  }
  return highest;
}

/** What is recorded of a run that begins. */
export interface Beginning {
  /** Absolute. */
  readonly folder: string;
  /** How messages call the folder, and the option that chooses it. */
  readonly shown: string;
  readonly option: string;
  /** The whole recipe. */
  readonly resolved: Readonly<Record<string, unknown>>;
  readonly record: RunRecord & Readonly<Record<string, unknown>>;
}

/**
 * Writes `config.yaml` (the whole recipe; it can be trained again) and `run.json` (what else decided the
 * result), both or neither. Of several processes that begin in one folder, one succeeds.
 * @throws UserError when the folder holds one of them already, or they cannot be written
 */
export async function recordRun(run: Beginning): Promise<void> {
  const config = join(run.folder, CONFIG);
  if (!await createWhole(config, bytesOf(configText(run.resolved)))) throw holdsAlready(run, CONFIG);
  try {
    await writeRecord(run);
  } catch (error) {
    await Deno.remove(config);
    throw error;
  }
}

/**
 * The same for one training of several, whose folder may hold what an earlier process left when it was
 * stopped in the middle of recording: its `config.yaml` stays (the caller has made sure that it is this
 * run's), the rest is removed. Makes the folder if it is not there.
 * @throws UserError when the folder holds anything else, or they cannot be written
 */
export async function recordTrial(run: Beginning): Promise<void> {
  const { folder } = run;
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(folder)) {
      if (name !== CONFIG && !isLeftover(name)) throw holdsAlready(run, name);
    }
  } catch (cause) {
    throw cannotBeMade(run.shown, cause);
  }
  await createWhole(join(folder, CONFIG), bytesOf(configText(run.resolved)));
  await writeRecord(run);
  for await (const { name } of Deno.readDir(folder)) {
    if (isLeftover(name)) await Deno.remove(join(folder, name)).catch(() => {});
  }
}

/**
 * Removes what a process left that was stopped while it recorded its run, so that the run can begin in this
 * folder. A folder that is not there is fine.
 * @throws UserError when the folder holds anything else
 */
export async function clearUnbegun(folder: string): Promise<void> {
  const names = await ifThere(Array.fromAsync(Deno.readDir(folder), ({ name }) => name)) ?? [];
  const other = names.find((name) => name !== CONFIG && !isLeftover(name));
  if (other !== undefined) throw holdsAlready({ shown: folder, option: "--out" }, other);
  for (const name of names) await Deno.remove(join(folder, name));
}

async function writeRecord(run: Beginning): Promise<void> {
  const bytes = bytesOf(`${JSON.stringify(run.record, null, 2)}\n`);
  if (!await createWhole(join(run.folder, RECORD), bytes)) throw holdsAlready(run, RECORD);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Whether a file is half of a record that a crash left. */
function isLeftover(name: string): boolean {
  return [CONFIG, RECORD].some((file) => isLeftOf(file, name));
}

/**
 * Removes a run of this process that made no step, and nothing else that lies in its folder; one that another
 * process has taken up stays.
 * @param whole whether the folder goes as well, if nothing else lies there
 */
export async function removeRun(folder: string, whole: boolean): Promise<void> {
  // Another process may have taken the run up.
  if (await isBusy(folder)) return;
  for (const name of BEGINNING) await ifThere(Deno.remove(join(folder, name), { recursive: true }));
  if (whole) await removeEmpty([folder]);
}

/** What `run.json` must say, so that the run can be resumed. */
export interface RunRecord {
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Reads `run.json`. @param given the folder as the person wrote it @throws UserError when it is not there or
 * damaged
 */
export async function readRecord(folder: string, given: string): Promise<RunRecord> {
  let record: Partial<RunRecord>;
  try {
    const text = await readText(diskRun(folder), RECORD);
    if (text === undefined) throw new Error("there is no such file");
    record = parseObject(text);
  } catch (cause) {
    throw new UserError(`${given}: its ${RECORD} cannot be read (${reason(cause)})`, { cause });
  }
  const { backend, versions } = record;
  if (typeof backend !== "string" || typeof versions !== "object" || versions === null) {
    throw new UserError(
      `${given}: its ${RECORD} names no backend and versions; plca train wrote another one`,
    );
  }
  return { backend, versions };
}
