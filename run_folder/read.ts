/**
 * A run folder as it is read: by reports, tables, pages, and commands that take a run.
 *
 * Folders are read in any state: while a run trains, after a crash, with files deleted or damaged, from
 * another version. Reading always gives a {@linkcode Run}; what cannot be read is a line of `problems` and an
 * absent field. Whether a run is alive is asked of the lock on its log, not guessed from times.
 */
import { UserError } from "../core/errors.ts";
import type { Evaluation } from "../core/events.ts";
import { printable, shortened } from "../core/printable.ts";
import { messageOf } from "../core/words.ts";
import { parseConfig, type ReadConfig } from "./config.ts";
import { readEvaluation, type StoredEvaluation } from "./evaluation.ts";
import { type FileFacts, parseObject, readText, type RunFiles } from "./files.ts";
import {
  CHECKPOINTS,
  checkpointStem,
  CONFIG,
  EVALUATION,
  EVENTS,
  foundFolders,
  type PhaseFolder,
  phaseFolders,
  PHASES,
  RECORD,
  within,
} from "./layout.ts";
import { RunLog } from "./log.ts";
import type { PhaseLog } from "./phase_log.ts";

/**
 * Where a run stands.
 * - `running`: a process holds its log.
 * - `finished`: it came to its end.
 * - `interrupted`: it was told to stop.
 * - `failed`: it ended with an error that it could still write down.
 * - `stopped`: it ended without a word, as by a crash or a power cut.
 * - `empty`: no event was written.
 * - `unclear`: its log has no end, and this file system does not tell whether a process still writes it.
 */
export type RunState =
  | "running"
  | "finished"
  | "interrupted"
  | "failed"
  | "stopped"
  | "empty"
  | "unclear";

/** A phase of a run: what its log and its folder say. */
export interface RunPhase {
  /** As the recipe says; "" when nothing says it. */
  readonly name: string;
  /** Absent before it begins. */
  readonly log?: PhaseLog;
  /** The evaluation after the last step. */
  readonly evaluation?: Evaluation;
}

/** A file in `checkpoints`. */
export interface CheckpointFile extends FileFacts {
  /** `best`, `last`, `last.1`, ... */
  readonly stem: string;
  /** Relative to the run's folder. */
  readonly path: string;
}

/** A run, as {@linkcode readRun} found it. A field is absent where its file is not there or damaged. */
export interface Run {
  /** How messages call its folder. */
  readonly folder: string;
  readonly state: RunState;
  /** Of `config.yaml`. */
  readonly config?: { readonly text: string; readonly parsed: Readonly<Record<string, unknown>> };
  /**
   * The parsed `config.yaml` or its damage; handed back to {@linkcode readRun}, it saves parsing the same
   * text again.
   */
  readonly readConfig?: ReadConfig;
  /** Of `run.json`. */
  readonly record?: Readonly<Record<string, unknown>>;
  /** Absent when there is no `events.jsonl`. */
  readonly log?: RunLog;
  /** In the order in which they are trained; never empty. */
  readonly phases: readonly RunPhase[];
  /** The phase that is in work or was last; the last of all before anything began. */
  readonly current: RunPhase;
  /** When something was last written, in milliseconds since 1970; NaN when nothing is known. */
  readonly modified: number;
  /** How many files could not be read and how many lines were left out. */
  readonly damaged: number;
  /** Files that could not be read and lines that were left out, each with its name. */
  readonly problems: readonly string[];
}

/** The bytes of a log that are read at once. */
const PORTION = 1 << 22;

/** Whether a folder holds a run: a file that only plca train writes. */
export async function isRunFolder(files: RunFiles): Promise<boolean> {
  for (const name of [EVENTS, RECORD]) {
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
 * Reads a run folder. Never throws for what it holds: damage becomes a line of `problems`.
 * @param known the run as it was read before: then only what was added to the log is read, and the same
 *   recipe is not parsed again. Its log is changed
 */
export async function readRun(files: RunFiles, known?: Pick<Run, "log" | "readConfig">): Promise<Run> {
  const problems: string[] = [];
  const attempt = async <T>(name: string, body: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await body();
    } catch (error) {
      const [why] = messageOf(error).split("\n");
      const problem = printable(`${files.folder}/${name}: ${shortened(why!)}`);
      // A file is looked at more than once.
      if (!problems.includes(problem)) problems.push(problem);
      return undefined;
    }
  };
  let readConfig: ReadConfig | undefined;
  const config = await attempt(CONFIG, async () => {
    const text = await readText(files, CONFIG);
    if (text === undefined) return undefined;
    readConfig = known?.readConfig?.text === text ? known.readConfig : parseConfig(text);
    if ("damage" in readConfig) throw new Error(readConfig.damage);
    return readConfig;
  });
  const record = await attempt(RECORD, async () => {
    const text = await readText(files, RECORD);
    return text === undefined ? undefined : parseObject(text);
  });
  // Before the log: a process that ends in between has then written its end.
  const locked = await attempt(EVENTS, () => files.isLocked(EVENTS));
  const log = await attempt(EVENTS, () => readLog(files, known?.log));
  let modified = NaN;
  const written = (facts: FileFacts | undefined) => {
    if (facts && (Number.isNaN(modified) || facts.modified > modified)) modified = facts.modified;
  };
  for (const name of [CONFIG, EVENTS]) written(await attempt(name, () => files.stat(name)));
  const found: FoundPhase[] = [];
  for (const one of foundFolders(await attempt(PHASES, () => files.folders(PHASES)) ?? [])) {
    const path = within(one.folder, EVALUATION);
    written(await attempt(path, () => files.stat(path)));
    found.push({ ...one, evaluation: await attempt(path, () => readEvaluation(files, one.folder)) });
  }
  const phases = phasesOf({ config: config?.parsed, record, log, found }).map(({ name, folder }) => {
    const of = log?.phases.find((phase) => phase.name === name);
    const evaluation = found.find((one) => one.folder === folder)?.evaluation;
    return { name, ...(of ? { log: of } : {}), ...(evaluation ? { evaluation } : {}) };
  });
  const lastPhase = phases.at(-1)!;
  const leftOut = log?.problems.count ?? 0;
  const damaged = problems.length + leftOut;
  if (log) problems.push(...log.problems.shown);
  if (log && leftOut > log.problems.shown.length) {
    problems.push(`${files.folder}/${EVENTS}: ${leftOut} lines were left out`);
  }
  return {
    folder: files.folder,
    state: stateOf(log, lastPhase, locked),
    ...(config ? { config } : {}),
    ...(readConfig ? { readConfig } : {}),
    ...(record ? { record } : {}),
    ...(log ? { log } : {}),
    phases,
    current: phases.find((phase) => phase.log !== undefined && phase.log === log?.latest) ?? lastPhase,
    modified,
    damaged,
    problems,
  };
}

/**
 * Reads what was written since `known` was read, or everything when another file took its place.
 * @returns undefined when there is no log
 */
async function readLog(files: RunFiles, known?: RunLog): Promise<RunLog | undefined> {
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

/**
 * Whether it is the same log, as far as its first bytes tell: a copy may have been written into the same
 * file.
 */
async function beginsWith(files: RunFiles, head: Uint8Array): Promise<boolean> {
  const now = await files.read(EVENTS, { offset: 0, length: head.length });
  return now.length === head.length && head.every((byte, k) => byte === now[k]);
}

/**
 * The weights of a phase, by name; empty before it wrote any. @param folder the phase's folder in the run
 * @throws Error when they cannot be looked at
 */
export async function listCheckpoints(files: RunFiles, folder: string): Promise<CheckpointFile[]> {
  const found: CheckpointFile[] = [];
  for (const name of await files.list(within(folder, CHECKPOINTS))) {
    const stem = checkpointStem(name);
    const path = within(folder, `${CHECKPOINTS}/${name}`);
    const facts = stem === undefined ? undefined : await files.stat(path);
    if (facts) found.push({ stem: stem!, path, ...facts });
  }
  return found;
}

/** A folder in which a phase may lie, and what was read there. */
interface FoundPhase extends PhaseFolder {
  readonly evaluation: StoredEvaluation | undefined;
}

/** Everything that may know of phases. */
interface PhaseSources {
  readonly config: Readonly<Record<string, unknown>> | undefined;
  readonly record: Readonly<Record<string, unknown>> | undefined;
  readonly log: RunLog | undefined;
  readonly found: readonly FoundPhase[];
}

/** The phases that the recipe states, and before the last one those that only the disk or the log knows. */
function phasesOf({ config = {}, record, log, found }: PhaseSources): readonly PhaseFolder[] {
  // The log shortens names, too.
  const text = (value: unknown) => typeof value === "string" ? shortened(value) : "";
  const logged = log?.phases.map(({ name }) => name) ?? [];
  const stated = phaseFolders(config).map(({ name, folder }) => ({ name: text(name), folder }));
  const last = stated.pop()!;
  const named = found.map(({ name, folder, evaluation }) => ({
    name: text(evaluation?.phase) || name,
    folder,
  }));
  const others = named.filter(({ name, folder }) =>
    name !== "" && folder !== "" && !stated.some((phase) => phase.folder === folder)
  );
  const isKnown = (name: string) => [...stated, ...others].some((phase) => phase.name === name);
  const name = last.name || named[0]!.name || text(record?.["recipe"]) ||
    logged.findLast((one) => !isKnown(one)) || "";
  for (const one of logged) {
    // It wrote no file of its own, or none that says whose it is.
    if (one !== name && !isKnown(one)) others.push({ name: one, folder: within(PHASES, one) });
  }
  others.sort((a, b) => logged.indexOf(a.name) - logged.indexOf(b.name));
  return [...stated, ...others, { name, folder: "" }];
}

/** Where a run stands, from its lock and the last words of its log. */
function stateOf(log: RunLog | undefined, lastPhase: RunPhase, locked: boolean | undefined): RunState {
  if (locked) return "running";
  const { latest } = log ?? {};
  if (latest === undefined) return lastPhase.evaluation ? "finished" : "empty";
  if (latest.ending === "interrupted" || latest.ending === "failed") return latest.ending;
  if (latest.ending === "finished" && latest === lastPhase.log) return "finished";
  return locked === undefined ? "unclear" : "stopped";
}
