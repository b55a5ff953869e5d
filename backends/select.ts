/**
 * Chooses the backend that tensors run on: the one that a recipe names, or with `auto` the first of the list
 * that starts. A backend that cannot be used is never replaced silently: a named one is an error, and `auto`
 * notes why it passed one over.
 */
import { UserError } from "../core/errors.ts";
import type { MovedMemory } from "../core/memory.ts";
import type { BackendName, Precision } from "../core/plan.ts";
import { messageOf } from "../core/words.ts";
import type { Backend, Inspected, Started } from "./backend.ts";
import { BACKENDS } from "./mod.ts";

/** The backend that is current now. */
export interface SelectedBackend {
  /** As recipes name it; never `auto`. */
  readonly name: BackendName;
  /** Why `auto` passed over faster ones, one line each; empty if one was named. */
  readonly notes: readonly string[];
  /** What it has moved out of its heap and back so far; absent on backends without such a heap. */
  readonly moved?: () => MovedMemory;
}

/** The line of one backend in `plca doctor`. If it is not available, `detail` says why. */
export interface BackendReport extends Inspected {
  /** As in `backend:`. */
  readonly name: BackendName;
  /** Whether it can be selected here. */
  readonly available: boolean;
}

/** What `auto` chooses from, and how much memory tensors may take. */
export interface SelectOptions {
  /** What `auto` chooses from, the first choice first; absent: all. */
  readonly among?: readonly Backend[];
  /**
   * Bytes that tensors may take in all, on a backend that moves them out of a heap; absent: what the machine
   * has free, less a margin. Others ignore it.
   */
  readonly memory?: number | undefined;
  /** So many threads compute, where a backend has several; absent: one for each core. */
  readonly threads?: number | undefined;
  /** In which maps are kept for the gradient; absent: `full`. Others than `webgpu` ignore it. */
  readonly precision?: Precision | undefined;
}

/**
 * Makes a backend current. `auto` takes TensorFlow where it is installed and sees a CUDA device, WebGPU when
 * it sees a real GPU, then `native`, then `wasm`. One process uses one of `native` and `wasm`, since both
 * live in the same WASM module.
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

/** The first backend that starts. @throws UserError, with a line for each, when none does */
type Limits = Pick<SelectOptions, "memory" | "threads" | "precision">;

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

/** Inspects every backend, in the order of mod.ts. Does not change the current one. */
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

/** Starts a backend. @returns its report, if it has one; a text that says why it cannot be used */
async function start(
  backend: Backend,
  { memory, threads, precision }: Limits,
): Promise<Started | string | undefined> {
  try {
    return await backend.start(memory, threads, precision) ?? undefined;
  } catch (error) {
    return messageOf(error);
  }
}
