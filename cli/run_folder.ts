/** Run folders: made once, never overwritten, found again. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import type { RunPlan } from "../core/plan.ts";
import { diskRun } from "../run_folder/files.ts";
import { createWhole, isLeftOf, trainsAlready } from "../train/files.ts";
import { commandLine } from "./command_line.ts";
import type { Host } from "./host.ts";
import { planUnrun, readText, reason } from "./recipes.ts";
import { VERSIONS } from "./versions.ts";

/** Where the weights lie inside a run folder. */
export const LAST_CHECKPOINT = join("checkpoints", "last.safetensors");

/** Which folder to make. */
export interface FolderWanted {
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
 * Makes a new run folder, `runs/street-001` and so on.
 * @throws UserError when `run` exists and is not empty, or the folder cannot be written
 */
export async function makeRunFolder(host: Host, { run, runs, name }: FolderWanted): Promise<MadeFolder> {
  try {
    if (run !== undefined) {
      const folder = resolve(host.cwd, run);
      const missing = await missingAbove(dirname(folder));
      await Deno.mkdir(dirname(folder), { recursive: true });
      const made = await makeOne(folder);
      for await (const entry of Deno.readDir(folder)) throw holdsAlready(run, entry.name, "--run");
      await requireWritable(folder);
      return { folder, removeEmpty: () => removeEmpty(made ? [folder, ...missing] : []) };
    }
    const parent = resolve(host.cwd, runs);
    const missing = await missingAbove(parent);
    await Deno.mkdir(parent, { recursive: true });
    for (let number = await highestNumber(parent, name) + 1;; number++) {
      const folder = join(parent, `${name}-${String(number).padStart(3, "0")}`);
      try {
        await Deno.mkdir(folder);
        await requireWritable(folder);
        return { folder, removeEmpty: () => removeEmpty([folder, ...missing]) };
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

function holdsAlready(run: string, name: string, option: string): UserError {
  return new UserError(
    `${run} already holds ${name}; a run never overwrites anything, choose a new folder for ${option}`,
  );
}

/** Fails now rather than at the first checkpoint. */
async function requireWritable(folder: string): Promise<void> {
  // Another process may try the same at the same time.
  await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: PROBE }));
}

const PROBE = ".probe";

/** Whether it was this process that made the folder. */
async function makeOne(folder: string): Promise<boolean> {
  try {
    await Deno.mkdir(folder);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && (await stat(folder))?.isDirectory) return false;
    throw error;
  }
}

/** The folder itself and those above it that are not there, the deepest first. */
async function missingAbove(folder: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = folder;; at = dirname(at)) {
    try {
      await Deno.stat(at);
      return missing;
    } catch (error) {
      // Whether there is one that may not be looked at, nobody can say.
      if (!(error instanceof Deno.errors.NotFound)) return missing;
    }
    missing.push(at);
  }
}

/** Up to the first that holds something. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await Deno.remove(folder);
    } catch {
      return;
    }
  }
}

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
  readonly plan: RunPlan;
  readonly backend: string;
}

/**
 * Writes `config.yaml` (the whole recipe; it can be trained again) and `run.json` (what else decided the result), both or
 * neither. Of several processes that begin in one folder one gets through.
 * @throws UserError when the folder holds one of them already, or they cannot be written
 */
export async function recordRun(host: Host, run: Beginning): Promise<void> {
  const config = join(run.folder, CONFIG);
  const given = shown(host, run.folder);
  if (!await createWhole(config, configOf(run))) throw holdsAlready(given, CONFIG, "--run");
  try {
    if (!await createWhole(join(run.folder, RECORD), await recordOf(host, run))) {
      throw holdsAlready(given, RECORD, "--run");
    }
  } catch (error) {
    await Deno.remove(config);
    throw error;
  }
}

/**
 * The same for a folder in which an earlier process may have been stopped in the middle of it: then `config.yaml` stays,
 * which is this run's, as the caller made sure, and what else was left goes. Makes the folder if it is not there.
 * @throws UserError when the folder holds anything else, or they cannot be written
 */
export async function recordTrial(host: Host, run: Beginning): Promise<void> {
  const { folder } = run;
  const given = shown(host, folder);
  try {
    await Deno.mkdir(folder, { recursive: true });
    for await (const { name } of Deno.readDir(folder)) {
      if (name !== CONFIG && !isLeftover(name)) throw holdsAlready(given, name, "--out");
    }
  } catch (cause) {
    throw cannotBeMade(given, cause);
  }
  await createWhole(join(folder, CONFIG), configOf(run));
  if (!await createWhole(join(folder, RECORD), await recordOf(host, run))) {
    throw holdsAlready(given, RECORD, "--out");
  }
  for await (const { name } of Deno.readDir(folder)) {
    if (isLeftover(name)) await Deno.remove(join(folder, name)).catch(() => {});
  }
}

const CONFIG = "config.yaml", RECORD = "run.json";

function isLeftover(name: string): boolean {
  return name.startsWith(PROBE) || [CONFIG, RECORD].some((file) => isLeftOf(file, name));
}

function configOf({ plan }: Beginning): Uint8Array {
  return new TextEncoder().encode(stringify(plan.resolved, { lineWidth: 110 }));
}

async function recordOf(host: Host, { plan, backend }: Beginning): Promise<Uint8Array> {
  const { machine } = host;
  const record = {
    recipe: plan.name,
    seed: plan.seed,
    backend,
    command: ["plca", ...host.args],
    date: host.now().toISOString(),
    versions: { ...VERSIONS, runtime: machine.runtime },
    commit: host.handover ? host.handover.commit : await gitCommit(),
    machine: { system: machine.system, cores: machine.cores, memory: machine.memory.total },
  };
  return new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);
}

/** What a run writes before its first step. */
const WRITTEN = [CONFIG, RECORD, "events.jsonl", "checkpoints", "baseline", "tensorboard"];

/**
 * Takes away a run of this process that made no step, and nothing else that lies in its folder. @param whole whether the
 * folder goes as well, if nothing else lies there
 */
export async function removeRun(folder: string, whole: boolean): Promise<void> {
  // Another process may have taken the run up.
  if (await diskRun(folder).isLocked("events.jsonl")) return;
  for (const name of WRITTEN) {
    const path = join(folder, name);
    if (await stat(path)) await Deno.remove(path, { recursive: true });
  }
  if (whole) await removeEmpty([folder]);
}

/** Before anything is said of a run that goes on: training itself looks again. @throws UserError when another process trains there */
export async function refuseBusy(folder: string): Promise<void> {
  if (await diskRun(folder).isLocked("events.jsonl")) throw trainsAlready(folder);
}

/** What {@linkcode recordRun} wrote and a resumed run needs. */
export interface RunRecord {
  readonly backend: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** @param given the folder as the person wrote it @throws UserError when `run.json` is not there or damaged */
export async function readRecord(folder: string, given: string): Promise<RunRecord> {
  let record: unknown;
  try {
    record = JSON.parse(await readText(join(folder, RECORD)));
  } catch (cause) {
    throw new UserError(`${given}: its run.json cannot be read (${reason(cause)})`, { cause });
  }
  const { backend, versions } = (record ?? {}) as Partial<RunRecord>;
  if (typeof backend !== "string" || typeof versions !== "object") {
    throw new UserError(`${given}: its run.json names no backend and versions; plca train wrote another one`);
  }
  return { backend, versions };
}

/**
 * The plan of a run from anywhere: no file of a loss is run, and a recipe that leads out of the run's folder is not read.
 * @throws UserError
 */
export async function planOfRun(
  host: Host,
  { folder, overrides }: { readonly folder: string; readonly overrides: readonly string[] },
): Promise<RunPlan> {
  try {
    await diskRun(folder).stat(CONFIG);
  } catch (cause) {
    throw new UserError(`${shown(host, join(folder, CONFIG))}: ${reason(cause)}`, { cause });
  }
  return planUnrun(host, { path: join(folder, CONFIG), overrides });
}

/** The commit of this copy of plca; null when it is no git checkout. */
export async function gitCommit(): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args: ["rev-parse", "HEAD"],
      cwd: new URL("..", import.meta.url),
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null;
  }
}

/** The run whose last checkpoint is the newest. @throws UserError when there is none */
export async function latestRun(host: Host, runs: string): Promise<string> {
  const parent = resolve(host.cwd, runs);
  let latest: { folder: string; time: number } | undefined;
  try {
    for await (const entry of Deno.readDir(parent)) {
      if (!entry.isDirectory) continue;
      const folder = join(parent, entry.name);
      const time = (await stat(join(folder, LAST_CHECKPOINT)))?.mtime?.getTime();
      if (time !== undefined && (!latest || time > latest.time)) latest = { folder, time };
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UserError(`${runs}: ${reason(error)}`, { cause: error });
    }
  }
  if (!latest) {
    throw new UserError(
      `there is no run with a checkpoint in ${runs}; train one first: ${commandLine(host, "train")}`,
    );
  }
  return latest.folder;
}

/** File information, or undefined when there is no such file. */
export async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

/** Why a file that is needed cannot be used; undefined when there is one. */
export function noFile(found: Deno.FileInfo | undefined): string | undefined {
  if (found === undefined || found.isDirectory) return "there is no such file";
  const other = notAFile(found);
  return other === undefined ? undefined : `it is ${other}, expected a file`;
}

/** As people type it: relative to the current folder when it lies below. */
export function shown(host: Host, path: string): string {
  const short = relative(host.cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}
