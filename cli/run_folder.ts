/** Run folders as the command line speaks of them. */
import { dirname, isAbsolute, join, relative } from "node:path";
import { UserError } from "../core/errors.ts";
import { notAFile } from "../core/file_kind.ts";
import { IN_PACKAGE } from "../core/packaged.ts";
import type { RunPlan } from "../core/plan.ts";
import { printable } from "../core/printable.ts";
import { reason } from "../core/words.ts";
import { parseConfig } from "../run_folder/config.ts";
import { diskRun, readText } from "../run_folder/files.ts";
import { CONFIG, LAST_CHECKPOINT, phaseFolders } from "../run_folder/layout.ts";
import type { Beginning } from "../run_folder/make.ts";
import type { Host } from "./host.ts";
import { planUnrun } from "./recipes.ts";
import { VERSIONS } from "./versions.ts";

/**
 * What is recorded of a run that begins: recipe, seed, backend, command line, time, versions, commit and
 * machine. @param begins `folder` absolute; `option`: what chose it
 */
export async function beginningOf(
  host: Host,
  { folder, plan, backend, option }: Pick<Beginning, "folder" | "option"> & {
    readonly plan: RunPlan;
    readonly backend: string;
  },
): Promise<Beginning> {
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
  return { folder, option, shown: shown(host, folder), resolved: plan.resolved, record };
}

/**
 * The plan of a run from anywhere, perhaps a stranger's: no plugin file is run, and a recipe that is a link
 * out of the run's folder is not read.
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
  // Around the package lies the user's own checkout.
  if (IN_PACKAGE) return null;
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

/** The run in whose folder, or below it, a file lies; undefined when it lies in none. @param file absolute */
export async function runAround(file: string): Promise<string | undefined> {
  // As deep as the weights of a phase lie.
  let folder = dirname(file);
  for (let depth = 0; depth < 3; depth++) {
    folder = dirname(folder);
    if (await stat(join(folder, CONFIG))) return folder;
  }
  return undefined;
}

/** The last weights of the phase that was in work; undefined when none were written. @param run absolute */
export async function latestCheckpoint({ resolved }: RunPlan, run: string): Promise<string | undefined> {
  for (const { folder } of phaseFolders(resolved).toReversed()) {
    const path = join(run, folder, LAST_CHECKPOINT);
    if (await stat(path)) return path;
  }
  return undefined;
}

/**
 * The error for a run without weights of its last phase. Where a phase before it left some, as in a run that
 * was interrupted there, it names their file, which belongs to this run's recipe as well.
 * @param run absolute
 * @param given the same as the person wrote it
 */
export async function noLastWeights(host: Host, run: string, given: string): Promise<UserError> {
  const says = `${given} has no ${LAST_CHECKPOINT}`;
  const text = await readText(diskRun(run), CONFIG).catch(() => undefined);
  const read = parseConfig(text ?? "");
  const phases = "parsed" in read ? phaseFolders(read.parsed) : [];
  for (const { name, folder } of phases.toReversed()) {
    const path = join(run, folder, LAST_CHECKPOINT);
    if (!(await stat(path))?.isFile) continue;
    return new UserError(
      `${says}: it did not come to its last phase; the weights of its phase ${
        printable(name)
      } are used with ` +
        `--checkpoint ${printable(shown(host, path))}`,
    );
  }
  return new UserError(`${says}; its training wrote no weights yet`);
}

/** What lies at a path; undefined when nothing does, or it may not be looked at. */
export async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

/** Why a file that is needed cannot be used; undefined when it can. */
export function noFile(found: Deno.FileInfo | undefined): string | undefined {
  if (found === undefined || found.isDirectory) return "there is no such file";
  const other = notAFile(found);
  return other === undefined ? undefined : `it is ${other}, expected a file`;
}

/** A path as people type it: relative to the current folder when it lies below. */
export function shown(host: Host, path: string): string {
  const short = relative(host.cwd, path);
  return short === "" || short.startsWith("..") || isAbsolute(short) ? path : short;
}
