/**
 * The entrance of the recorder: it makes the recorder current, runs a network once and gives the current
 * backend back.
 */
import * as tf from "@tensorflow/tfjs-core";
import { replaceKernels } from "../../ops/kernels.ts";
import { Recorder } from "./backend.ts";
import { RECORDER, registerRecordingKernels } from "./kernels.ts";
import { recordingKernels } from "./operators.ts";
import type { Recording, Value } from "./recording.ts";

/** The one recorder of this process, registered at its first use. */
function recorder(): Recorder {
  const registered = tf.findBackend(RECORDER) as Recorder | undefined;
  if (registered) return registered;
  registerRecordingKernels();
  replaceKernels(RECORDER, recordingKernels);
  tf.registerBackend(RECORDER, () => new Recorder(), 0);
  return tf.findBackend(RECORDER) as Recorder;
}

/**
 * Records what `run` calls for an input of this shape; nothing is computed but constants. The backend that
 * was current is current again afterwards; weights that it held move back to it at their next use.
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
        const result = run(tf.engine().makeTensorFromTensorInfo(here.hold(input)) as T);
        output = here.recorded(result);
      })
    );
    return { input, steps, output: output! };
  } finally {
    tf.setBackend(before);
  }
}
