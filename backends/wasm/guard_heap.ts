import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";

interface AllocatingBackend {
  readonly wasm: {
    _malloc(bytes: number): number;
    readonly asm: {
      readonly memory: WebAssembly.Memory;
      malloc(bytes: number): number;
      free(place: number): void;
    };
  };
}

const guarded = new WeakSet<object>();

/**
 * Makes running out of the heap's 4 GB an error: the module's allocator answers with the address 0, which TensorFlow.js
 * takes for a place like any other, or, where the end would lie beyond 2^32, with memory that is not there. Repeating it
 * changes nothing.
 */
export function guardHeap(): void {
  const { wasm } = tf.backend() as unknown as AllocatingBackend;
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  wasm._malloc = (bytes) => {
    // Not through the former `_malloc`, which puts itself back when it is first called.
    const place = wasm.asm.malloc(bytes) >>> 0;
    const isThere = place > 0 && place + bytes <= wasm.asm.memory.buffer.byteLength;
    if (!isThere && bytes > 0) {
      if (place > 0) wasm.asm.free(place);
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
