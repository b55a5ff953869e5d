/**
 * Numbers about tensors that did not fit. A backend with a heap of fixed size (4 GB on native and WASM) moves
 * tensors out when it is full and back when they are needed; this is its account, which
 * `training.diagnostics` and `--debug-memory` show.
 */

/** What a backend with a heap of fixed size moved out of it and back, since it began. */
export interface MovedMemory {
  /** Bytes of the tensors in the heap. */
  readonly heap: number;
  /** The most that lay there. */
  readonly heapPeak: number;
  /** Bytes of the tensors outside of the heap. */
  readonly outside: number;
  /** The most that lay there. */
  readonly outsidePeak: number;
  /** Bytes that left the heap. */
  readonly out: number;
  /** Bytes that came back. */
  readonly back: number;
  /** Seconds that both ways took. */
  readonly seconds: number;
  /** By what made the tensors, the largest sum of bytes first. */
  readonly tensors: readonly MovedTensors[];
}

/** Tensors of one shape that one operator made. */
export interface MovedTensors {
  /** As in `conv2d [8, 92, 92, 1024]`. */
  readonly what: string;
  /** How often one left the heap. */
  readonly timesOut: number;
  /** How often one came back. */
  readonly timesBack: number;
  /** Bytes, both ways together. */
  readonly bytes: number;
  /** Seconds, both ways together. */
  readonly seconds: number;
}

/** What moved between two accounts of one backend, by what made it, the largest sum of bytes first. */
export function movedBetween(before: MovedMemory, after: MovedMemory): MovedTensors[] {
  const former = new Map(before.tensors.map((tensors) => [tensors.what, tensors]));
  return after.tensors.map((tensors) => since(former.get(tensors.what), tensors))
    .filter(({ bytes }) => bytes > 0).sort((a, b) => b.bytes - a.bytes);
}

function since(before: MovedTensors | undefined, after: MovedTensors): MovedTensors {
  if (before === undefined) return after;
  return {
    what: after.what,
    timesOut: after.timesOut - before.timesOut,
    timesBack: after.timesBack - before.timesBack,
    bytes: after.bytes - before.bytes,
    seconds: after.seconds - before.seconds,
  };
}
