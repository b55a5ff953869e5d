import type { MovedMemory } from "../core/memory.ts";
import type { BackendName } from "../core/plan.ts";

/**
 * What plca asks of every backend: the same fields for each, so that nothing outside of its own file asks for
 * one by name. A record is light; what it starts is imported when it starts.
 */
export interface Backend {
  /** As in `backend:`. */
  readonly name: BackendName;
  /** Whether values can be read within a step. */
  readonly readable: boolean;
  /** Whether it may compute on a GPU, which looking at a run leaves to training. */
  readonly gpu: boolean;
  /** Whether it calls native code through pointers, which Deno allows for all libraries or none. */
  readonly pointers: boolean;
  /** What `plca doctor` says of it. @throws Error that says what is missing */
  inspect(): Promise<Inspected>;
  /** Whether `auto` tries it when it comes to it. */
  auto(): Promise<Judged>;
  /**
   * Makes it current; repeating it changes nothing but the limit.
   * @param memory bytes that tensors may take in all, where it moves them out of a heap; absent: what the machine has free
   * @param threads so many compute, where it computes in several; absent: one for each core
   * @throws Error that says why it cannot be used here
   */
  start(memory?: number, threads?: number): Promise<Started | void>;
}

/** What a backend that was started tells of itself. */
export interface Started {
  /** What it moved out of its heap and back so far. */
  readonly moved: () => MovedMemory;
}

/** What was found of a backend that can be used. */
export interface Inspected {
  /** What computes, with its version where it has one. */
  readonly detail: string;
  /** A GPU that the processor imitates: `auto` does not take it. */
  readonly software?: boolean;
}

/** Whether `auto` tries a backend. */
export interface Judged {
  /** Whether it does. */
  readonly takes: boolean;
  /** Why not, as a note for the user; absent where there is nothing to say. */
  readonly reason?: string;
}
