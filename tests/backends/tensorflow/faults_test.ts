/** What is made of the words of TensorFlow's errors. */
import assert from "node:assert/strict";
import { reportFaults } from "../../../backends/tensorflow/faults.ts";
import type { NodeBackend } from "../../../backends/tensorflow/package.ts";
import { UserError } from "../../../core/errors.ts";

/** What calling an operator that fails with these words throws. */
function thrown(words: string): unknown {
  const fail = () => {
    throw new Error(words);
  };
  const backend = { executeSingleOutput: fail, executeMultipleOutputs: fail } as unknown as NodeBackend;
  const input = { dataId: {}, shape: [1, 2], dtype: "float32" as const };
  try {
    reportFaults(backend).executeMultipleOutputs("Conv2D", [], [input], 1);
  } catch (error) {
    return error;
  }
  return undefined;
}

const ADVICE = "; lower input.crop or training.batch, or set model.options.checkpointing: true; " +
  "for predictions lower evaluation.size or set evaluation.window";

Deno.test("memory that ends in TensorFlow, in oneDNN or in C++ is told as such, with what can be done", () => {
  const within = "Operation received an exception: Status: 1, message: could not create";
  const close = "Operation received an exception:Status: 1, message: could not create";
  for (
    const [words, line] of [
      ["Invalid TF_Status: 8\nMessage: OOM when allocating\nmore", "OOM when allocating"],
      [`Invalid TF_Status: 10\nMessage: ${within}`, within],
      [`Invalid TF_Status: 10\nMessage: ${close}`, close],
      ["std::bad_alloc", "std::bad_alloc"],
    ] as const
  ) {
    const error = thrown(words);
    assert.ok(error instanceof UserError, words);
    assert.equal(error.message, `no memory for TensorFlow's Conv2D of [1, 2]: ${line}${ADVICE}`);
  }
});

Deno.test("other failures stay no fault of the person's", () => {
  const other = "Operation received an exception: Status: 15, message: x";
  const error = thrown(`Invalid TF_Status: 10\nMessage: ${other}`);
  assert.ok(error instanceof Error && !(error instanceof UserError));
  assert.equal(error.message, `TensorFlow's Conv2D of [1, 2]: ${other}`);
  assert.equal((thrown("odd") as Error).message, "odd");
});
