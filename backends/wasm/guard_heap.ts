import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";

interface AllocatingBackend {
  readonly wasm: {
    _malloc(bytes: number): number;
    readonly asm: { malloc(bytes: number): number };
  };
}

const guarded = new WeakSet<object>();

/** Bytes. */
const HEAP_LIMIT = 2 ** 32;

/**
 * Makes running out of the heap's 4 GB an error: the module's allocator answers with the address 0, which TensorFlow.js
 * takes for a place like any other, or, where a free block ends the heap, with a place that reaches beyond the heap.
 * Repeating it changes nothing.
 */
export function guardHeap(): void {
  const { wasm } = tf.backend() as unknown as AllocatingBackend;
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  wasm._malloc = (bytes) => {
    // Beside the living tensors it cannot lie in any case: such an allocation is not even tried.
    const possible = tf.memory().numBytes + bytes <= HEAP_LIMIT;
    // Not through the former `_malloc`, which puts itself back when it is first called.
    const place = possible ? wasm.asm.malloc(bytes) : 0;
    if (place === 0 && bytes > 0) {
      throw new UserError(
        `no memory for another ${
          (bytes / 1e6).toFixed(0)
        } MB: the tensors of this backend have 4 GB in all; ` +
          "lower input.crop or training.batch, or set model.options.checkpointing: true; " +
          "for predictions lower evaluation.size or set evaluation.window",
      );
    }
    return place;
  };
}
