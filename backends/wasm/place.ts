/**
 * Where a tensor's values are. The library keeps a record for each tensor's data and reads the field
 * `memoryOffset` (or `id`) just before it uses the values. `Place` stands in for that record, with both
 * fields as getters: reading one is the moment when the values are needed. It waits for a job that is still
 * computing them (background.ts), brings them back if they had left the heap, notes the use, and pins them
 * until the running kernel ends. So neither the library nor our kernels know that tensors move.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Stored } from "./outside.ts";
import { type Running, running } from "./running.ts";

/** The record that the WASM backend keeps of a tensor's values. */
export interface TensorRecord {
  readonly id: number;
  readonly memoryOffset: number | null;
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  refCount: number;
  readonly stringBytes?: Uint8Array[];
}

/** Brings values back into the heap. */
export type BringBack = (place: Place) => void;

let uses = 0;

/** The record of a tensor whose values are in the heap or outside. */
export class Place implements TensorRecord {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  refCount: number;
  /** How many bytes the values take in the heap. */
  readonly bytes: number;
  /** The name of the kernel that made it; `given` for one that came from the host. */
  readonly maker: string;
  /** The values, while they are outside; undefined while they are in the heap. */
  stored: Stored | undefined;
  /** When it was last used, in uses of all tensors so far. */
  used = 0;
  /** `id` without a use: its number in the WASM module. */
  readonly number: number;
  /** `memoryOffset` without a use: its address while it is in the heap. */
  offset: number;
  /** How many jobs of other threads read or write the values: then it must neither move nor be freed. */
  busy = 0;
  /** Waits for the job that writes the values; undefined while none does. */
  pending: (() => void) | undefined;
  #holder: Running | undefined;
  readonly #bringBack: BringBack;

  constructor({ id, memoryOffset, shape, dtype, refCount }: TensorRecord, bytes: number, back: BringBack) {
    this.number = id;
    this.offset = memoryOffset!;
    this.shape = shape;
    this.dtype = dtype;
    this.refCount = refCount;
    this.bytes = bytes;
    this.maker = running()?.name ?? "given";
    this.#bringBack = back;
    this.#use();
  }

  get id(): number {
    this.#use();
    return this.number;
  }

  get memoryOffset(): number {
    this.#use();
    return this.offset;
  }

  /** Whether a kernel that has not ended, or a job, may have its address: then it must not move. */
  get held(): boolean {
    return this.busy > 0 || this.#isHeldByKernel;
  }

  get #isHeldByKernel(): boolean {
    return this.#holder?.active ?? false;
  }

  /** Notes a use: the values are made or come into the heap, and the running kernel holds them. */
  #use(): void {
    this.pending?.();
    if (this.stored) this.#bringBack(this);
    this.used = ++uses;
    // Kernels end from the inside out, so a kernel that holds it already will hold it at least as long.
    if (!this.#isHeldByKernel) this.#holder = running();
  }
}
