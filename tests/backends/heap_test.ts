/** The heap's 4 GB. */
import * as tf from "@tensorflow/tfjs-core";
import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { emptyTensor } from "../../backends/wasm/heap.ts";
import { backendTest } from "../goldens.ts";

backendTest(
  "native",
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
    return Promise.resolve();
  },
);
