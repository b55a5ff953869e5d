/** Chooses the backend that tensors run on. */
import { UserError } from "../core/errors.ts";
import type { BackendName } from "../core/plan.ts";
import { messageOf } from "../core/words.ts";
import type { Backend, Inspected } from "./backend.ts";
import { BACKENDS } from "./mod.ts";

/** What was chosen. */
export interface SelectedBackend {
  /** What tensors now run on. */
  readonly name: BackendName;
  /** Why a faster one was not, one line each. */
  readonly notes: readonly string[];
}

/** One line of `plca doctor`; without the backend its detail says why it cannot be used. */
export interface BackendReport extends Inspected {
  /** As in `backend:`. */
  readonly name: BackendName;
  /** Whether it can be selected here. */
  readonly available: boolean;
}

/**
 * Makes a backend current. `auto` takes TensorFlow where it is installed and sees a CUDA device, WebGPU when it sees a
 * real GPU, then `native`, then `wasm`.
 * One process uses one of `native` and `wasm`, since both live in the same WASM module.
 * @param among what `auto` chooses from, the first choice first
 * @throws UserError when the named backend, or for `auto` none, can be used here
 */
export async function selectBackend(
  name: BackendName | "auto",
  among: readonly Backend[] = BACKENDS,
): Promise<SelectedBackend> {
  if (name === "auto") return await firstThatStarts(among);
  const failure = await failureOf(BACKENDS.find((backend) => backend.name === name)!);
  if (failure !== undefined) throw new UserError(`backend ${name} cannot be used here: ${failure}`);
  return { name, notes: [] };
}

async function firstThatStarts(among: readonly Backend[]): Promise<SelectedBackend> {
  const notes: string[] = [];
  for (const backend of among) {
    const { takes, reason } = await backend.auto();
    const failure = takes ? await failureOf(backend) : reason;
    if (takes && failure === undefined) return { name: backend.name, notes };
    if (failure !== undefined) notes.push(`${backend.name}: ${failure}`);
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

/** Starts a backend; why it cannot be used, undefined if it can. */
async function failureOf(backend: Backend): Promise<string | undefined> {
  try {
    await backend.start();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
