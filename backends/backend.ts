/**
 * The record of a backend. Think of a menu: each entry says what a backend is called, whether it works here
 * and what it can do, and nothing heavy is loaded until one is chosen. `select.ts` goes through the menu in
 * the order of mod.ts. No code outside of a backend's own folder branches on its name; whatever differs
 * between backends is a field here or a kernel in ops/kernel_types.ts.
 */
import type { MovedMemory } from "../core/memory.ts";
import type { BackendName, Precision } from "../core/plan.ts";

/** One backend. A record is light: the library behind it is imported by `start`. */
export interface Backend {
  /** The name in a recipe's `backend:`. */
  readonly name: BackendName;
  /** Whether values can be read within a step, by `dataSync`. */
  readonly readable: boolean;
  /**
   * Whether it may compute on a GPU; commands that only look at a run avoid these, so that a training keeps
   * it.
   */
  readonly gpu: boolean;
  /** Whether it calls native code through pointers, which Deno allows for all libraries or none. */
  readonly pointers: boolean;
  /** Describes it for `plca doctor`, without making it current. @throws Error that says what is missing */
  inspect(): Promise<Inspected>;
  /** Whether `backend: auto` should try to start it. */
  auto(): Promise<Judged>;
  /**
   * Makes it current. A second call changes nothing but the limit.
   * @param memory bytes that tensors may take in all, for a backend that moves tensors out of a heap; absent:
   * what the machine has free
   * @param threads so many compute, where it computes in several; absent: one for each core
   * @param precision in which maps are kept for the gradient; only `webgpu` knows `half`, others ignore it
   * @throws Error that says why it cannot be used here
   */
  start(memory?: number, threads?: number, precision?: Precision): Promise<Started | void>;
}

/** What a started backend with a heap of its own reports. */
export interface Started {
  /** What it moved out of its heap and back so far. */
  readonly moved: () => MovedMemory;
}

/** The description of a backend that can be used. */
export interface Inspected {
  /** The library or device that computes, with its version if it has one. */
  readonly detail: string;
  /** A GPU that the processor imitates: `auto` does not take it. */
  readonly software?: boolean;
}

/** Whether `auto` should try to start a backend. */
export interface Judged {
  /** Whether it is worth a try. */
  readonly takes: boolean;
  /** Why not, as a note for the user; absent if that would be no news, as when it is not installed. */
  readonly reason?: string;
}
