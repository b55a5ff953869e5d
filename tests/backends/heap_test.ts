/** The heap's 4 GB, where nothing may wait outside of it. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { emptyTensor } from "../../backends/wasm/heap.ts";
import { limitsOf } from "../../backends/wasm/limits.ts";
import { HEAP_ALONE, heapRoom } from "../../backends/wasm/room.ts";
import { backendTest } from "../goldens.ts";

function heapTest(name: string, fn: () => void): void {
  backendTest("native", name, () => {
    heapRoom().limit(HEAP_ALONE);
    try {
      fn();
    } finally {
      heapRoom().limit(limitsOf());
    }
    return Promise.resolve();
  });
}

// First: a heap that has grown already gives no block beyond its end.
heapTest("what does not fit is refused too where a free block ends the heap", () => {
  const first = tf.tensor1d([1, 2, 3]);
  const [small, large] = [[324_000_000], [432_000_000]];
  const kept = [emptyTensor(small), emptyTensor(large)];
  emptyTensor([25_000_000]).dispose();
  try {
    assert.throws(() => emptyTensor(large), {
      name: "UserError",
      message: /^no memory for another 1728 MB: /,
    });
    assert.deepEqual([...tf.square(first).dataSync()], [1, 4, 9]);
  } finally {
    tf.dispose(kept);
  }
});

heapTest(
  "what does not fit the 4 GB is refused with what to lower, and nothing is overwritten",
  () => {
    const first = tf.tensor1d([1, 2, 3]);
    // Never touched, so the process does not really take it.
    const large: tf.Tensor[] = [];
    const refused = {
      name: "UserError",
      message: /^no memory for another 1074 MB: .* 4 GB in all; lower input\.crop/,
    };
    try {
      assert.throws(() => {
        for (let k = 0; k < 4; k++) large.push(emptyTensor([2 ** 28]));
      }, refused);
      assert.throws(() => tf.square(large[0]!), UserError);
      assert.deepEqual([...first.dataSync()], [1, 2, 3]);
    } finally {
      tf.dispose([first, ...large]);
    }
    const again = emptyTensor([2 ** 28]);
    again.dispose();
  },
);
