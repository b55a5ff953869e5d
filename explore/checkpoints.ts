/**
 * The checkpoint files of a run, listed by their headers: phase and step stand there, so 200 MB of weights
 * need not be read to show a list. A training run replaces these files while somebody looks, so each has an
 * identity by which a file that has taken another's place is noticed.
 */
import { basename, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/words.ts";
import { diskRun } from "../run_folder/files.ts";
import type { PhaseFolder } from "../run_folder/layout.ts";
import { type CheckpointFile, listCheckpoints } from "../run_folder/read.ts";
import { readMetadata } from "../weights/safetensors.ts";
import type { CheckpointInfo } from "./types.ts";

/** A checkpoint, and which of the files that have lain in its place it is. */
export interface FoundCheckpoint extends CheckpointInfo {
  /** Absolute. */
  readonly path: string;
  /** Another file at the same place has another one. */
  readonly identity: string;
}

/** The most bytes of a header; headers of the largest networks have a few hundred kilobytes. */
const LARGEST_HEADER = 2 ** 26;

/** The checkpoints of a run. Headers of files that have not changed are remembered. */
export class Checkpoints {
  readonly #folder: string;
  readonly #phases: readonly PhaseFolder[];
  #known = new Map<string, FoundCheckpoint>();

  /** @param folder the run's, absolute */
  constructor(folder: string, phases: readonly PhaseFolder[]) {
    this.#folder = folder;
    this.#phases = phases;
  }

  /**
   * All checkpoints that are there now: by phase, in each by step, `best` behind a `last` of the same step.
   * Files that vanish meanwhile are left out.
   */
  async list(): Promise<readonly FoundCheckpoint[]> {
    const found: FoundCheckpoint[] = [];
    for (const { folder } of this.#phases) {
      const own: FoundCheckpoint[] = [];
      // Training makes the folder with its first checkpoint.
      for (const file of await listCheckpoints(diskRun(this.#folder), folder).catch(() => [])) {
        const one = await this.#look(file, `${basename(folder)} ${file.stem}`.trimStart());
        if (one) own.push(one);
      }
      own.sort((a, b) => (a.step ?? -1) - (b.step ?? -1) || b.name.localeCompare(a.name));
      found.push(...own);
    }
    this.#known = new Map(found.map((one) => [one.identity, one]));
    return found;
  }

  /** The checkpoint with this id. @throws UserError when it is not there, or no longer */
  async find(id: string): Promise<FoundCheckpoint> {
    const found = (await this.list()).find((one) => one.id === id);
    if (found) return found;
    throw new UserError(
      "this checkpoint is not there, or no longer: a run keeps only its latest ones; choose another",
    );
  }

  async #look(file: CheckpointFile, name: string): Promise<FoundCheckpoint | undefined> {
    const id = file.path, path = join(this.#folder, id);
    const identity = JSON.stringify(file);
    try {
      return this.#known.get(identity) ?? { id, name, path, identity, ...await headerOf(path, file.size) };
    } catch {
      // It was replaced or removed after its name was listed.
      return undefined;
    }
  }
}

/** Phase and step of a checkpoint, or why its header cannot be read. */
async function headerOf(
  path: string,
  size: number,
): Promise<Pick<CheckpointInfo, "phase" | "step" | "problem">> {
  using file = await Deno.open(path);
  try {
    const { state } = await readMetadata((bytes) => fill(file, bytes), {
      name: path,
      size,
      largest: LARGEST_HEADER,
    });
    const { phase, step } = JSON.parse(state ?? "{}") ?? {};
    return {
      phase: typeof phase === "string" ? phase : null,
      step: Number.isSafeInteger(step) ? step : null,
      problem: null,
    };
  } catch (error) {
    return { phase: null, step: null, problem: messageOf(error).replace(`${path}: `, "") };
  }
}

async function fill(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) {
    const read = await file.read(rest);
    if (read === null) throw new UserError("the file ends within its header");
    rest = rest.subarray(read);
  }
}
