/** The checkpoint files of a run, listed by their headers. */
import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import { readMetadata } from "../weights/safetensors.ts";
import { messageOf } from "../train/loss_errors.ts";
import type { CheckpointInfo } from "./types.ts";

/** A checkpoint and which of the files that were there under its name it is. */
export interface FoundCheckpoint extends CheckpointInfo {
  /** Absolute. */
  readonly path: string;
  /** Another file at the same place has another one. */
  readonly identity: string;
}

/** Where a run keeps them, and how those are named. */
const FOLDERS = [["checkpoints", ""], ["baseline/checkpoints", "baseline "]] as const;

/** Headers are a few hundred kilobytes for the largest networks. */
const LARGEST_HEADER = 2 ** 26;

/** Remembers headers of files that have not changed. */
export class Checkpoints {
  readonly #folder: string;
  #known = new Map<string, FoundCheckpoint>();

  /** @param folder the run's, absolute */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All that lie there now: the baseline's first, each by step, `best` behind a `last` of the same step. */
  async list(): Promise<readonly FoundCheckpoint[]> {
    const found: FoundCheckpoint[] = [];
    for (const [below, prefix] of FOLDERS) {
      for (const name of await namesIn(join(this.#folder, below))) {
        const one = await this.#look(`${below}/${name}`, `${prefix}${name.replace(/\.safetensors$/, "")}`);
        if (one) found.push(one);
      }
    }
    this.#known = new Map(found.map((one) => [one.identity, one]));
    const order = ({ id, step }: FoundCheckpoint) =>
      [id.startsWith("baseline/") ? 0 : 1, step ?? -1] as const;
    return found.sort((a, b) => {
      const [x, y] = [order(a), order(b)];
      return x[0] - y[0] || x[1] - y[1] || b.name.localeCompare(a.name);
    });
  }

  /** @throws UserError when it is not there, or no longer */
  async find(id: string): Promise<FoundCheckpoint> {
    const found = (await this.list()).find((one) => one.id === id);
    if (found) return found;
    throw new UserError(
      "this checkpoint is not there, or no longer: a run keeps only its latest ones; choose another",
    );
  }

  async #look(id: string, name: string): Promise<FoundCheckpoint | undefined> {
    const path = join(this.#folder, id);
    try {
      const { size, mtime, ino } = await Deno.stat(path);
      const identity = [id, size, mtime?.getTime(), ino].join(" ");
      return this.#known.get(identity) ?? { id, name, path, identity, ...await headerOf(path, size) };
    } catch {
      // It was replaced or removed after its name was listed.
      return undefined;
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && name.endsWith(".safetensors")) names.push(name);
    }
  } catch {
    // Training makes the folder with its first checkpoint.
  }
  return names;
}

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
