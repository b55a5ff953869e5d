/** Run folders: made once, never overwritten, found again. */
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { UserError } from "../core/errors.ts";
import type { RunPlan } from "../core/plan.ts";
import type { Host } from "./host.ts";
import { reason } from "./recipes.ts";
import { LAUNCH, VERSIONS } from "./versions.ts";

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
      const missing = await missingAbove(folder);
      await Deno.mkdir(folder, { recursive: true });
      for await (const entry of Deno.readDir(folder)) {
        throw new UserError(
          `${run} already holds ${entry.name}; a run never overwrites anything, choose a new folder for --run`,
        );
      }
      await requireWritable(folder);
      return { folder, removeEmpty: () => removeEmpty(missing) };
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
    if (cause instanceof UserError) throw cause;
    const why = cause instanceof Deno.errors.AlreadyExists
      ? "it is a file, expected a folder"
      : reason(cause);
    throw new UserError(`the run folder ${run ?? join(runs, name)} cannot be made: ${why}`, { cause });
  }
}

/** Fails now rather than at the first checkpoint. */
async function requireWritable(folder: string): Promise<void> {
  const probe = join(folder, ".probe");
  await Deno.writeTextFile(probe, "");
  await Deno.remove(probe);
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

/** Writes `config.yaml` (the whole recipe; it can be trained again) and `run.json` (what else decided the result). */
export async function recordRun(
  host: Host,
  run: { folder: string; plan: RunPlan; backend: string },
): Promise<void> {
  const { folder, plan, backend } = run;
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
  await Deno.writeTextFile(join(folder, "config.yaml"), stringify(plan.resolved, { lineWidth: 110 }));
  await Deno.writeTextFile(join(folder, "run.json"), `${JSON.stringify(record, null, 2)}\n`);
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
    record = JSON.parse(await Deno.readTextFile(join(folder, "run.json")));
  } catch (cause) {
    throw new UserError(`${given}: its run.json cannot be read (${reason(cause)})`, { cause });
  }
  const { backend, versions } = (record ?? {}) as Partial<RunRecord>;
  if (typeof backend !== "string" || typeof versions !== "object") {
    throw new UserError(`${given}: its run.json names no backend and versions; plca train wrote another one`);
  }
  return { backend, versions };
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
      `there is no run with a checkpoint in ${runs}; train one first: ${LAUNCH} task plca train`,
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

/** As people type it: relative to the current folder when it lies below. */
export function shown(host: Host, path: string): string {
  const short = relative(host.cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}
