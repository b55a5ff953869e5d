/** What a backend with a heap of fixed size moved out of it and back, since it began. */
export interface MovedMemory {
  /** Bytes of the tensors in the heap, and the most that lay there. */
  readonly heap: number;
  readonly heapPeak: number;
  /** The same outside of the heap. */
  readonly outside: number;
  readonly outsidePeak: number;
  /** Bytes that left the heap, and that came back. */
  readonly out: number;
  readonly back: number;
  /** Seconds that both took. */
  readonly seconds: number;
  /** By what made the tensors, the largest sum of bytes first. */
  readonly tensors: readonly MovedTensors[];
}

/** Tensors of one shape that one operator made. */
export interface MovedTensors {
  /** As in `conv2d [8, 92, 92, 1024]`. */
  readonly what: string;
  /** How often one left the heap, and how often one came back. */
  readonly timesOut: number;
  readonly timesBack: number;
  /** Bytes, both ways together. */
  readonly bytes: number;
  readonly seconds: number;
}
