/** A run folder as it lies on the disk. */
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { printable, shortened } from "../core/printable.ts";
import { parseConfig, type ReadConfig } from "./config.ts";
import { isEvaluation } from "./evaluation.ts";
import type { FileFacts, RunFiles } from "./files.ts";
import { type PhaseLog, RunLog } from "./log.ts";

/**
 * Where a run stands: `running`: a process holds its log; `finished`: it came to its end; `interrupted`: it was told to stop;
 * `failed`: it ended with an error that it could still write down; `stopped`: it ended without a word, as by a crash or a
 * power cut; `empty`: no event was written; `unclear`: its log has no end, and this file system does not tell whether a
 * process still writes it.
 */
export type RunState =
  | "running"
  | "finished"
  | "interrupted"
  | "failed"
  | "stopped"
  | "empty"
  | "unclear";

/** One of the two objectives of a run. */
export interface RunPhase {
  /** Whether it is the one that the run is compared with. */
  readonly baseline: boolean;
  /** Its folder, relative to the run's; "" for the run's own. */
  readonly folder: string;
  /** The recipe's name or the baseline's; "" when nothing says it. */
  readonly name: string;
  /** Absent before it begins. */
  readonly log?: PhaseLog;
  /** The evaluation after the last step. */
  readonly evaluation?: Evaluation;
  /** By file name, as `last.safetensors`. */
  readonly checkpoints: readonly CheckpointFile[];
}

/** A file in `checkpoints`. */
export interface CheckpointFile extends FileFacts {
  /** `best.safetensors`, `last.safetensors`, `last.1.safetensors`, ... */
  readonly name: string;
  /** Relative to the run's folder. */
  readonly path: string;
}

/** A run. Everything is read anew by {@linkcode readRun}; a field is absent where its file is not there or damaged. */
export interface Run {
  /** How messages call its folder. */
  readonly folder: string;
  readonly state: RunState;
  /** Of `config.yaml`. */
  readonly config?: { readonly text: string; readonly parsed: Readonly<Record<string, unknown>> };
  /** The same or what is wrong with it, for {@linkcode readRun}. */
  readonly readConfig?: ReadConfig;
  /** Of `run.json`. */
  readonly record?: Readonly<Record<string, unknown>>;
  /** Absent when there is no `events.jsonl`. */
  readonly log?: RunLog;
  /** The baseline, where there is one, then the run's own. */
  readonly phases: readonly RunPhase[];
  /** The phase that is in work or was last; the run's own before anything began. */
  readonly current: RunPhase;
  /** When something was last written, in milliseconds since 1970; NaN when nothing is known. */
  readonly modified: number;
  /** How many files could not be read and how many lines were left out. */
  readonly damaged: number;
  /** Files that could not be read and lines that were left out, each with its name. */
  readonly problems: readonly string[];
}

/** The log's name in a run folder. */
export const EVENTS = "events.jsonl";

/** Bytes that are read at once. */
const PORTION = 1 << 22;

/** Larger files of these kinds are no run's, in bytes. */
const LARGEST_TEXT = 16e6;

/** Whether a folder holds a run: something that only plca train writes. */
export async function isRunFolder(files: RunFiles): Promise<boolean> {
  for (const name of [EVENTS, "run.json"]) {
    try {
      if (await files.stat(name)) return true;
    } catch (error) {
      // A file that may not be read is there; who reads it says why not.
      if (error instanceof UserError) return true;
      throw error;
    }
  }
  return false;
}

/**
 * Reads a run folder; damage becomes a line of `problems`.
 * @param known the run as it was read before: of the log only what was written since is read then, and a recipe that is the
 * same is not parsed again
 */
export async function readRun(files: RunFiles, known?: Pick<Run, "log" | "readConfig">): Promise<Run> {
  const problems: string[] = [];
  const attempt = async <T>(name: string, body: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await body();
    } catch (error) {
      const [why] = (error instanceof Error ? error.message : String(error)).split("\n");
      const problem = printable(`${files.folder}/${name}: ${shortened(why!)}`);
      // A file is looked at more than once.
      if (!problems.includes(problem)) problems.push(problem);
      return undefined;
    }
  };
  let readConfig: ReadConfig | undefined;
  const config = await attempt("config.yaml", async () => {
    const text = await readText(files, "config.yaml");
    if (text === undefined) return undefined;
    readConfig = known?.readConfig?.text === text ? known.readConfig : parseConfig(text);
    if ("damage" in readConfig) throw new Error(readConfig.damage);
    return readConfig;
  });
  const record = await attempt("run.json", async () => {
    const text = await readText(files, "run.json");
    return text === undefined ? undefined : asObject(parseJson(text));
  });
  // Before the log: a process that ends in between has then written its end.
  const locked = await attempt(EVENTS, () => files.isLocked(EVENTS));
  const log = await attempt(EVENTS, () => readLog(files, known?.log));
  const evaluations = new Map<string, FoundEvaluation>();
  const checkpoints = new Map<string, CheckpointFile[]>();
  let modified = await lastWritten(files, attempt);
  for (const folder of ["", "baseline/"]) {
    const found = await attempt(`${folder}evaluation.json`, () => readEvaluation(files, folder));
    if (found) evaluations.set(folder, found);
    const listed = await attempt(`${folder}checkpoints`, () => listCheckpoints(files, folder)) ?? [];
    checkpoints.set(folder, listed);
    for (const each of listed) modified = later(modified, each.modified);
  }
  const names = phaseNames({ config: config?.parsed, record, log, evaluations });
  const hasBaseline = names.baseline !== undefined || evaluations.has("baseline/") ||
    checkpoints.get("baseline/")!.length > 0;
  const phaseOf = (folder: string, name: string): RunPhase => {
    const of = log?.phases.find((phase) => phase.name === name);
    const evaluation = evaluations.get(folder)?.evaluation;
    return {
      baseline: folder !== "",
      folder: folder.replace(/\/$/, ""),
      name,
      ...(of ? { log: of } : {}),
      ...(evaluation ? { evaluation } : {}),
      checkpoints: checkpoints.get(folder)!,
    };
  };
  const own = phaseOf("", names.own);
  const phases = hasBaseline ? [phaseOf("baseline/", names.baseline ?? ""), own] : [own];
  const left = log?.problems.count ?? 0;
  const damaged = problems.length + left;
  if (log) problems.push(...log.problems.shown);
  if (log && left > log.problems.shown.length) {
    problems.push(`${files.folder}/${EVENTS}: ${left} lines were left out`);
  }
  return {
    folder: files.folder,
    state: stateOf(log, own, locked),
    ...(config ? { config } : {}),
    ...(readConfig ? { readConfig } : {}),
    ...(record ? { record } : {}),
    ...(log ? { log } : {}),
    phases,
    current: phases.find((phase) => phase.log !== undefined && phase.log === log?.latest) ?? own,
    modified,
    damaged,
    problems,
  };
}

/**
 * Reads what was written since `known` was read, or everything when another file took its place.
 * @returns undefined when there is no log
 */
export async function readLog(files: RunFiles, known?: RunLog): Promise<RunLog | undefined> {
  const facts = await files.stat(EVENTS);
  if (facts === undefined) return undefined;
  const continued = known !== undefined && known.read <= facts.size && known.identity === facts.identity &&
    await beginsWith(files, known.head);
  const log = continued ? known : new RunLog(`${files.folder}/${EVENTS}`, facts.identity);
  while (log.read < facts.size) {
    const length = Math.min(PORTION, facts.size - log.read);
    const bytes = await files.read(EVENTS, { offset: log.read, length });
    if (bytes.length === 0) break;
    log.add(bytes);
  }
  return log;
}

/** Whether it is the same log, as far as its first bytes tell: a copy may have been written into the same file. */
async function beginsWith(files: RunFiles, head: Uint8Array): Promise<boolean> {
  const now = await files.read(EVENTS, { offset: 0, length: head.length });
  return now.length === head.length && head.every((byte, k) => byte === now[k]);
}

/** A final evaluation and the phase that it names. */
interface FoundEvaluation {
  readonly evaluation: Evaluation;
  readonly phase: string | undefined;
}

async function readEvaluation(files: RunFiles, folder: string): Promise<FoundEvaluation | undefined> {
  const text = await readText(files, `${folder}evaluation.json`);
  if (text === undefined) return undefined;
  const value = asObject(parseJson(text));
  if (!isEvaluation(value)) throw new Error("it holds no evaluation");
  const { phase } = value as Readonly<Record<string, unknown>>;
  return { evaluation: value, phase: typeof phase === "string" ? phase : undefined };
}

async function listCheckpoints(files: RunFiles, folder: string): Promise<CheckpointFile[]> {
  const found: CheckpointFile[] = [];
  for (const name of await files.list(`${folder}checkpoints`)) {
    if (!name.endsWith(".safetensors")) continue;
    const path = `${folder}checkpoints/${name}`;
    const facts = await files.stat(path);
    if (facts) found.push({ name, path, ...facts });
  }
  return found;
}

interface NameSources {
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly record: Readonly<Record<string, unknown>> | undefined;
  readonly log: RunLog | undefined;
  readonly evaluations: ReadonlyMap<string, FoundEvaluation>;
}

/** What the phases are called: as the recipe says, else as the other files do. */
function phaseNames({ config, record, log, evaluations }: NameSources) {
  // The log shortens them, too.
  const text = (value: unknown) => typeof value === "string" ? shortened(value) : undefined;
  const baseline = config?.["baseline"];
  const baselineName = text((baseline as Record<string, unknown> | null | undefined)?.["name"]) ??
    text(evaluations.get("baseline/")?.phase);
  const logged = log?.phases.map(({ name }) => name) ?? [];
  const own = text(config?.["name"]) ?? text(record?.["recipe"]) ?? text(evaluations.get("")?.phase) ??
    logged.findLast((name) => name !== baselineName) ?? "";
  return { own, baseline: baselineName ?? logged.find((name) => name !== own) };
}

function stateOf(log: RunLog | undefined, own: RunPhase, locked: boolean | undefined): RunState {
  if (locked) return "running";
  const { latest } = log ?? {};
  if (latest === undefined) return own.evaluation ? "finished" : "empty";
  if (latest.ending === "interrupted" || latest.ending === "failed") return latest.ending;
  if (latest.ending === "finished" && latest === own.log) return "finished";
  return locked === undefined ? "unclear" : "stopped";
}

async function lastWritten(
  files: RunFiles,
  attempt: <T>(name: string, body: () => Promise<T>) => Promise<T | undefined>,
): Promise<number> {
  let modified = NaN;
  for (const name of ["config.yaml", EVENTS, "evaluation.json", "baseline/evaluation.json"]) {
    const facts = await attempt(name, () => files.stat(name));
    if (facts) modified = later(modified, facts.modified);
  }
  return modified;
}

function later(a: number, b: number): number {
  return Number.isNaN(a) || b > a ? b : a;
}

async function readText(files: RunFiles, path: string): Promise<string | undefined> {
  const facts = await files.stat(path);
  if (facts === undefined) return undefined;
  if (facts.size > LARGEST_TEXT) throw new Error(`it has ${facts.size} bytes, too many for such a file`);
  return new TextDecoder().decode(await files.read(path, { offset: 0, length: facts.size }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("it is not JSON");
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Error("it holds no names with values");
}
