/**
 * A file of weights after reading, whatever wrote it: tensors by name. read.ts makes it; networks.ts and
 * mapping.ts find out what of it a network needs.
 *
 * Tensors are lazy: their elements are gathered and copied only when one is read, so looking at a large file
 * is cheap.
 */
import type { LazyTensor } from "./stored_tensor.ts";

/**
 * Something in the place of a tensor that plca cannot read, as a quantised one. It matters only when the
 * network needs it; then `why` is the error.
 */
export interface UnreadTensor {
  /** What it is, as in `F8_E4M3` or `torch._utils._rebuild_qtensor`. */
  readonly kind: string;
  /** Absent: unknown. */
  readonly shape?: readonly number[];
  /** Why it is not read and what helps, after its name. */
  readonly why: string;
}

/** A dictionary of a file with tensors by name. */
export interface Dictionary {
  /** The keys that lead to it; none for the top of the file. */
  readonly keys: readonly string[];
  /** In the file's order. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** What stands in the place of tensors and is not read. */
  readonly unread: ReadonlyMap<string, UnreadTensor>;
}

/** What a file of weights holds. */
export interface WeightsFile {
  readonly format: "safetensors" | "PyTorch zip" | "PyTorch legacy";
  /**
   * The keys of the likeliest dictionary, joined by `.`; absent: it is the top, as in every safetensors file.
   */
  readonly wrapper?: string;
  /** Those of the likeliest dictionary, in the file's order. */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  /** What lies beside the tensors or their dictionary, by key: plain values or dictionaries of a training. */
  readonly others: ReadonlyMap<string, unknown>;
  /** Of a safetensors file; empty otherwise. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every dictionary with tensors, in the file's order; absent: there is but the one of `tensors`. */
  readonly dictionaries?: readonly Dictionary[];
  /**
   * An object that plca cannot make, in which further tensors lie, and what to do, as a sentence; absent:
   * there is none.
   */
  readonly hidden?: string;
}

/** Dictionaries in dictionaries are looked for to here. */
export const DEEPEST = 6;
