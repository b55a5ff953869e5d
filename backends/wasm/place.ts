import type * as tf from "@tensorflow/tfjs-core";
import type { Stored } from "./outside.ts";
import { type Running, running } from "./running.ts";

/** What the WASM backend keeps of a tensor's values. */
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

/**
 * The record of a tensor whose values are in the heap or outside. TensorFlow.js and our kernels read
 * `memoryOffset` or `id` to use the values, and to count references they read neither: reading one brings the
 * values back, and holds them in the heap until the kernel that read it ends.
 */
export class Place implements TensorRecord {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  refCount: number;
  /** In the heap. */
  readonly bytes: number;
  /** What made it. */
  readonly maker: string;
  /** Where the values are while they are not in the heap. */
  stored: Stored | undefined;
  /** The number of its last use; they count up. */
  used = 0;
  /** Its number in the WASM module. */
  readonly number: number;
  /** Its address while it is in the heap. */
  offset: number;
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

  /** Whether a kernel that has not ended may have its address. */
  get held(): boolean {
    return this.#holder?.active ?? false;
  }

  #use(): void {
    if (this.stored) this.#bringBack(this);
    this.used = ++uses;
    // Kernels end from the inside out, so who holds it already holds it longer.
    if (!this.held) this.#holder = running();
  }
}
