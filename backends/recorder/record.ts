import * as tf from "@tensorflow/tfjs-core";
import { replaceKernels } from "../../ops/kernels.ts";
import { Recorder } from "./backend.ts";
import { RECORDER, registerRecordingKernels } from "./kernels.ts";
import { recordingKernels } from "./operators.ts";
import type { Recording, Value } from "./recording.ts";

function recorder(): Recorder {
  const found = tf.findBackend(RECORDER) as Recorder | undefined;
  if (found) return found;
  registerRecordingKernels();
  replaceKernels(RECORDER, recordingKernels);
  tf.registerBackend(RECORDER, () => new Recorder(), 0);
  return tf.findBackend(RECORDER) as Recorder;
}

/**
 * Writes down what `run` calls for an input of this shape; nothing is computed but constants. The backend
 * that was current is so again afterwards, and weights that it held move back to it when it needs them.
 * @param shape of the float32 input
 * @throws UserError that names the first operator that cannot be recorded; whatever `run` throws
 */
export function recordRun<T extends tf.Tensor>(
  shape: readonly number[],
  run: (input: T) => tf.Tensor,
): Recording {
  const here = recorder(), before = tf.getBackend();
  tf.setBackend(RECORDER);
  try {
    const input: Value = { shape, dtype: "float32" };
    let output: Value | undefined;
    const steps = here.record(() =>
      tf.tidy(() => {
        const made = run(tf.engine().makeTensorFromTensorInfo(here.hold(input)) as T);
        output = here.recorded(made);
      })
    );
    return { input, steps, output: output! };
  } finally {
    tf.setBackend(before);
  }
}
