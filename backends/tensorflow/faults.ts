/**
 * TensorFlow's errors in words that help. A full memory is the one that a person can mend, and it comes in
 * several forms: as a status of TensorFlow, as one of oneDNN inside of it, or as a C++ exception.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";
import { messageOf } from "../../core/words.ts";
import type { NodeBackend } from "./package.ts";

/** The status TF_RESOURCE_EXHAUSTED. */
const NO_MEMORY = 8;

/** How a full memory reads that has another status: oneDNN's dnnl_out_of_memory, and C++'s bad_alloc. */
const NO_MEMORY_WORDS = /received an exception:\s*Status: 1,|\bbad_alloc\b/;

/**
 * Wraps the two functions through which all operators run. An error of TensorFlow about memory becomes a
 * {@linkcode UserError} that says what can be done; any other becomes an error that names the operator and
 * the shapes it was given.
 * @returns the same backend
 */
export function reportFaults(backend: NodeBackend): NodeBackend {
  const single = backend.executeSingleOutput, several = backend.executeMultipleOutputs;
  backend.executeSingleOutput = (name, attributes, inputs) =>
    reported(name, inputs, () => single.call(backend, name, attributes, inputs));
  backend.executeMultipleOutputs = (name, attributes, inputs, outputs) =>
    reported(name, inputs, () => several.call(backend, name, attributes, inputs, outputs));
  return backend;
}

/** Runs one operator and translates its error. */
function reported<T>(name: string, inputs: readonly tf.TensorInfo[], work: () => T): T {
  try {
    return work();
  } catch (error) {
    const text = messageOf(error);
    const [, code, reason] = /^Invalid TF_Status: (\d+)\s+Message: (.*)$/s.exec(text) ?? [];
    const noMemory = Number(code) === NO_MEMORY || NO_MEMORY_WORDS.test(text);
    if (code === undefined && !noMemory) throw error;
    const shapes = inputs.map(({ shape = [] }) => `[${shape.join(", ")}]`).join(", ");
    const where = `TensorFlow's ${name}${shapes === "" ? "" : ` of ${shapes}`}`;
    const line = (reason ?? text).trim().split("\n")[0]!;
    if (!noMemory) throw new Error(`${where}: ${line}`, { cause: error });
    throw new UserError(
      `no memory for ${where}: ${line}; lower input.crop or training.batch, or set ` +
        "model.options.checkpointing: true; for predictions lower evaluation.size or set evaluation.window",
      { cause: error },
    );
  }
}
