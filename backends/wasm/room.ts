/**
 * Room in the heap: how a step that needs more memory than the heap has (4 GB) still runs. When a new tensor
 * does not fit, others leave for ordinary memory, and each comes back when a kernel uses it. A step of
 * training has few tensors in use at a time, and many that only wait for the backward pass.
 *
 * Which tensor should leave? The one whose next use is farthest away. That is known without a plan: the
 * backward pass uses what was saved for it in the reverse order of the forward pass, and the update uses what
 * it needs later still. So the tensor that was used longest ago will be used last, and leaves first (large
 * tensors before small ones). Tensors that a running kernel may have the address of are held and stay.
 *
 * An allocation goes through these cases:
 *
 * - It fits: the module's allocator finds a place.
 * - There is none, and other threads work on tensors (background.ts): it waits for them, and tries again.
 * - The limit is reached: the oldest tensor leaves, and the allocation is tried again.
 * - There is room, but in pieces: the oldest run of neighbours leaves whose place is large enough together
 *   (runs.ts).
 * - Held tensors stand in the way, though there would be room without them: the kernel that asked is stopped
 *   and begins again in an empty heap (InPieces, running.ts).
 * - Nothing can leave, or outside is full too: an error that names the settings.
 *
 * It works from below: `_malloc`, the table of data records and `disposeData` of the WASM backend are
 * replaced. The library's own allocator still manages the heap.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { UserError } from "../../core/errors.ts";
import type { MovedMemory } from "../../core/memory.ts";
import { sizeOf } from "./heap.ts";
import { endBackground, freeBackground } from "./background.ts";
import { InPieces, noMemory } from "./no_memory.ts";
import { Outside, sizeOutside } from "./outside.ts";
import { Place, type TensorRecord } from "./place.ts";
import { oldestRun } from "./runs.ts";
import { running } from "./running.ts";
import { Tally } from "./tally.ts";

/** The part of the WASM backend that is used beyond its public types. */
interface Backend {
  readonly wasm: {
    _malloc(bytes: number): number;
    _free(place: number): void;
    readonly asm: {
      readonly memory: WebAssembly.Memory;
      malloc(bytes: number): number;
      free(place: number): void;
    };
    readonly tfjs: {
      registerTensor(id: number, size: number, offset: number): void;
      disposeData(id: number): void;
    };
  };
  readonly dataIdMap: {
    has(id: object): boolean;
    get(id: object): TensorRecord;
    set(id: object, record: TensorRecord): void;
    delete(id: object): boolean;
  };
  disposeData(id: object, force?: boolean): boolean;
}

/** How much memory tensors may take. */
export interface Limits {
  /** Bytes in the heap. */
  readonly heap: number;
  /**
   * Bytes outside of the heap in all, `taken` of which are taken by then. Called once, when the first tensor
   * leaves.
   */
  outside(taken: number): number;
  /** A tensor of fewer bytes stays while a larger one can leave. */
  readonly least: number;
}

/** The heap's end: addresses are 32-bit numbers. */
const END = 2 ** 32;

/** Bytes of the heap that are left to the library's kernels, which allocate beside tensors. */
const RESERVE = 2 ** 26;

/** Of a kernel that is stopped, tensors of so many bytes and more are freed. */
const LARGE = 2 ** 16;

/** All of the heap, and nothing outside of it. */
export const HEAP_ALONE: Limits = { heap: END, outside: () => 0, least: 2 ** 20 };

/** Keeps the tensors of one backend within its limits (see the top of the file). */
export class Room {
  readonly #backend: Backend;
  readonly #inside = new Set<Place>();
  readonly #outside = new Outside();
  readonly #tally = new Tally();
  readonly #back = (place: Place) => this.#bringBack(place);
  #limits = HEAP_ALONE;
  #most: number | undefined;
  #used = 0;
  #peak = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
    const { wasm, dataIdMap } = backend;
    wasm._malloc = (bytes) => this.#allocate(bytes);
    const set = dataIdMap.set.bind(dataIdMap);
    dataIdMap.set = (id, record) =>
      set(id, record.memoryOffset === null ? record : this.#placeOf(id, record));
    backend.disposeData = (id, force = false) => this.#dispose(id, force);
  }

  /**
   * Sets the limits that hold from now on. Tensors that are already beyond them leave at the next allocation.
   */
  limit(limits: Limits): void {
    this.#limits = limits;
    this.#most = undefined;
  }

  /** What was moved so far, and what is where now. */
  get moved(): MovedMemory {
    const { bytes: outside, peak: outsidePeak } = this.#outside;
    return { heap: this.#used, heapPeak: this.#peak, outside, outsidePeak, ...this.#tally.sums };
  }

  /**
   * The record that stands in for the library's. The running kernel remembers large tensors that it makes.
   */
  #placeOf(id: object, record: TensorRecord): Place {
    const bytes = sizeOf(record.shape) * tf.util.bytesPerElement(record.dtype);
    const place = new Place(record, bytes, this.#back);
    this.#enter(place);
    if (bytes >= LARGE) running()?.made.push(id);
    return place;
  }

  /** Counts a tensor that is in the heap now. */
  #enter(place: Place): void {
    this.#inside.add(place);
    this.#used += place.bytes;
    if (this.#used > this.#peak) this.#peak = this.#used;
  }

  /** Frees a tensor's memory in the heap. */
  #leave(place: Place): void {
    this.#inside.delete(place);
    this.#used -= place.bytes;
    this.#free(place.offset, place.number);
  }

  #free(offset: number | null, number: number): void {
    if (offset !== null) this.#backend.wasm._free(offset);
    this.#backend.wasm.tfjs.disposeData(number);
  }

  /** The backend's `disposeData`: frees the values of data that has no handle left, wherever they are. */
  #dispose(id: object, force: boolean): boolean {
    const { dataIdMap } = this.#backend;
    if (!dataIdMap.has(id)) return true;
    const record = dataIdMap.get(id);
    // A job works on it. What a job reads has a reference of the job's own, so only `force` would free it early.
    if (record instanceof Place && record.busy > 0 && (force || record.refCount === 1)) {
      endBackground();
      if (!dataIdMap.has(id)) return true;
    }
    record.refCount--;
    if (!force && record.refCount > 0) return false;
    if (!(record instanceof Place)) this.#free(record.memoryOffset, record.id);
    else if (record.stored) this.#outside.release(record.stored);
    else this.#leave(record);
    dataIdMap.delete(id);
    return true;
  }

  /**
   * The address of so many free bytes in the heap, made free if need be.
   * @param swapped bytes outside that will be free as soon as there is room for them in the heap
   * @throws UserError when there is no room and none can be made
   */
  #allocate(bytes: number, swapped = 0): number {
    const most = Math.min(this.#limits.heap, END - RESERVE);
    for (;;) {
      const tight = this.#used + bytes > most;
      const address = tight ? 0 : this.#take(bytes);
      if (address > 0 || bytes === 0) return address;
      // What jobs keep for themselves may be all that is missing.
      if (freeBackground()) continue;
      const leaving = bytes > most ? [] : tight ? this.#oldest() : oldestRun([...this.#inside], bytes, END);
      if (leaving.length === 0) throw this.#noRoom(bytes, most);
      for (const place of leaving) this.#moveOut(place, bytes, swapped);
    }
  }

  /** The error for bytes that do not fit: InPieces if they would, without the tensors that are not held. */
  #noRoom(bytes: number, most: number): UserError {
    const error = noMemory(bytes, { outside: this.#outsideMost(), heap: this.#limits.heap, full: false });
    let held = 0;
    for (const place of this.#inside) if (place.held) held += place.bytes;
    return held > 0 && held + bytes <= most ? new InPieces(error, () => this.#clear()) : error;
  }

  /** Moves all tensors out that no kernel holds. */
  #clear(): void {
    for (const place of [...this.#inside]) {
      if (!place.held && place.bytes > 0) this.#moveOut(place, place.bytes, 0);
    }
  }

  /**
   * An address from the module's allocator, or 0 if there is none. The allocator may answer with memory
   * beyond the heap's end, which is not there.
   */
  #take(bytes: number): number {
    const { asm } = this.#backend.wasm;
    // `asm.malloc` and not the former `_malloc`: that one replaces `_malloc` by itself when it is first
    // called.
    const place = asm.malloc(bytes) >>> 0;
    if (place > 0 && place + bytes <= asm.memory.buffer.byteLength) return place;
    if (place > 0 && bytes > 0) asm.free(place);
    return bytes > 0 ? 0 : place;
  }

  /**
   * The tensor to leave: the one used longest ago among the large ones, else among all; none if all are held.
   */
  #oldest(): Place[] {
    let large: Place | undefined, any: Place | undefined;
    for (const place of this.#inside) {
      if (place.held || place.bytes === 0) continue;
      if (!any || place.used < any.used) any = place;
      if (place.bytes >= this.#limits.least && (!large || place.used < large.used)) large = place;
    }
    const oldest = large ?? any;
    return oldest ? [oldest] : [];
  }

  #outsideMost(): number {
    return this.#most ??= this.#limits.outside(this.#outside.taken);
  }

  /** Moves a tensor out. @param wanted the bytes for which room is made, for the error */
  #moveOut(place: Place, wanted: number, swapped: number): void {
    const most = this.#outsideMost();
    if (this.#outside.taken + this.#outside.needs(place.bytes) > most + swapped) {
      throw noMemory(wanted, { outside: most, heap: this.#limits.heap, full: true });
    }
    const started = performance.now();
    try {
      place.stored = this.#outside.store(this.#bytes(place));
    } catch (cause) {
      // The system has less memory than it reported.
      if (!(cause instanceof RangeError)) throw cause;
      throw noMemory(wanted, { outside: this.#outside.taken, heap: this.#limits.heap, full: true });
    }
    this.#leave(place);
    this.#tally.add("out", place, performance.now() - started);
  }

  /** Moves a tensor back in, which may make others leave, and tells the module its new address. */
  #bringBack(place: Place): void {
    const stored = place.stored!;
    place.offset = this.#allocate(place.bytes, sizeOutside(place.bytes));
    const started = performance.now();
    place.stored = undefined;
    this.#outside.load(stored, this.#bytes(place));
    this.#outside.release(stored);
    this.#backend.wasm.tfjs.registerTensor(place.number, sizeOf(place.shape), place.offset);
    this.#enter(place);
    this.#tally.add("back", place, performance.now() - started);
  }

  #bytes({ offset, bytes }: Place): Uint8Array {
    return new Uint8Array(this.#backend.wasm.asm.memory.buffer, offset, bytes);
  }
}

const rooms = new WeakMap<object, Room>();

/** The room of the current backend, which must live in the WASM module. */
export function heapRoom(): Room {
  const backend = tf.backend() as unknown as Backend;
  let room = rooms.get(backend);
  if (room === undefined) rooms.set(backend, room = new Room(backend));
  return room;
}
