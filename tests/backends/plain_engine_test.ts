/** The plain backend of the tensor library. */
import assert from "node:assert/strict";
import * as tf from "@tensorflow/tfjs-core";
import "../../backends/plain_engine.ts";

Deno.test("the plain backend advertises nothing at its first tensor", () => {
  const warned: unknown[] = [], warn = console.warn;
  console.warn = (...words) => warned.push(words);
  try {
    tf.findBackend("cpu").write(Float32Array.of(1), [1], "float32");
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(warned, []);
});
