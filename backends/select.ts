/** Chooses the backend that tensors run on. */
import { UserError } from "../core/errors.ts";
import type { MovedMemory } from "../core/memory.ts";
import type { BackendName } from "../core/plan.ts";
import { messageOf } from "../core/words.ts";
import type { Backend, Inspected, Started } from "./backend.ts";
import { BACKENDS } from "./mod.ts";

/** What was chosen. */
export interface SelectedBackend {
  /** What tensors now run on. */
  readonly name: BackendName;
  /** Why a faster one was not, one line each. */
  readonly notes: readonly string[];
  /** What it moved out of its heap and back so far; absent where the engine's memory is its own. */
  readonly moved?: () => MovedMemory;
}

/** One line of `plca doctor`; without the backend its detail says why it cannot be used. */
export interface BackendReport extends Inspected {
  /** As in `backend:`. */
  readonly name: BackendName;
  /** Whether it can be selected here. */
  readonly available: boolean;
}

/** What is chosen from, and what it may take. */
export interface SelectOptions {
  /** What `auto` chooses from, the first choice first; absent: all. */
  readonly among?: readonly Backend[];
  /** Bytes that tensors may take in all on a backend that moves them; absent: what the machine has free, less a margin. */
  readonly memory?: number | undefined;
  /** So many threads compute, where a backend has several; absent: one for each core. */
  readonly threads?: number | undefined;
}

/**
 * Makes a backend current. `auto` takes TensorFlow where it is installed and sees a CUDA device, WebGPU when it sees a
 * real GPU, then `native`, then `wasm`.
 * One process uses one of `native` and `wasm`, since both live in the same WASM module.
 * @throws UserError when the named backend, or for `auto` none, can be used here
 */
export async function selectBackend(
  name: BackendName | "auto",
  { among = BACKENDS, ...limits }: SelectOptions = {},
): Promise<SelectedBackend> {
  if (name === "auto") return await firstThatStarts(among, limits);
  const started = await start(BACKENDS.find((backend) => backend.name === name)!, limits);
  if (typeof started === "string") throw new UserError(`backend ${name} cannot be used here: ${started}`);
  return { name, notes: [], ...started };
}

type Limits = Pick<SelectOptions, "memory" | "threads">;

async function firstThatStarts(among: readonly Backend[], limits: Limits): Promise<SelectedBackend> {
  const notes: string[] = [];
  for (const backend of among) {
    const { takes, reason } = await backend.auto();
    const started = takes ? await start(backend, limits) : reason;
    if (takes && typeof started !== "string") return { name: backend.name, notes, ...started };
    if (typeof started === "string") notes.push(`${backend.name}: ${started}`);
  }
  throw new UserError(`no tensor backend can be used here\n${notes.join("\n")}`);
}

/** What each backend needs and whether it is there. Does not change the current backend. */
export async function inspectBackends(): Promise<readonly BackendReport[]> {
  const reports: BackendReport[] = [];
  for (const { name, inspect } of BACKENDS) {
    try {
      reports.push({ name, available: true, ...await inspect() });
    } catch (error) {
      reports.push({ name, available: false, detail: messageOf(error) });
    }
  }
  return reports;
}

/** Starts a backend; what it tells of itself, or why it cannot be used. */
async function start(backend: Backend, { memory, threads }: Limits): Promise<Started | string | undefined> {
  try {
    return await backend.start(memory, threads) ?? undefined;
  } catch (error) {
    return messageOf(error);
  }
}
