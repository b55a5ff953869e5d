import type * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";
import { messageOf } from "../../core/words.ts";
import type { NodeBackend } from "./package.ts";

/** TF_RESOURCE_EXHAUSTED */
const NO_MEMORY = 8;

/** oneDNN's dnnl_out_of_memory, which TensorFlow passes on with a code of its own, and C++ itself. */
const NO_MEMORY_WORDS = /received an exception:\s*Status: 1,|\bbad_alloc\b/;

/**
 * Makes what TensorFlow reports our errors: of memory a {@linkcode UserError} with what can be done, of
 * everything else an error that names the operator and the shapes it was given.
 */
export function reportFaults(backend: NodeBackend): NodeBackend {
  const single = backend.executeSingleOutput, several = backend.executeMultipleOutputs;
  backend.executeSingleOutput = (name, attributes, inputs) =>
    reported(name, inputs, () => single.call(backend, name, attributes, inputs));
  backend.executeMultipleOutputs = (name, attributes, inputs, outputs) =>
    reported(name, inputs, () => several.call(backend, name, attributes, inputs, outputs));
  return backend;
}

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
