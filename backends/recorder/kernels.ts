/**
 * The kernels of tfjs on the recorder. A call whose inputs are all constants is computed at once, by the
 * plain backend, and gives a constant; so reshaped weights or tables of indices end up as numbers in the file
 * and not as nodes. Every other call becomes a step, whose outputs get their shape from shapes.ts.
 */
import * as tf from "@tensorflow/tfjs-core";
import "../plain_engine.ts";
import { UserError } from "../../core/errors.ts";
import type { Recorder } from "./backend.ts";
import type { Attribute, Numbers } from "./recording.ts";
import { SHAPES } from "./shapes.ts";

/** The backend's name in tfjs. */
export const RECORDER = "recorder";

/**
 * Registers a kernel under every name that the plain backend has, also for those that cannot be recorded, so
 * that their error can name them.
 */
export function registerRecordingKernels(): void {
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    tf.registerKernel({ kernelName, backendName: RECORDER, kernelFunc: (call) => called(kernelName, call) });
  }
}

type Call = Parameters<tf.KernelFunc>[0];

/**
 * One call of a tfjs kernel: passed on, computed or written down. @throws UserError when the operator cannot
 * be recorded
 */
function called(op: string, { inputs, attrs, backend }: Call): tf.TensorInfo[] | tf.TensorInfo {
  const recorder = backend as Recorder;
  const tensors = Object.values(inputs).flat().filter((one) => one !== undefined && one !== null);
  const values = tensors.map((tensor) => recorder.recorded(tensor));
  if (op === "Identity") return recorder.hold(values[0]!);
  if (values.every(({ constant }) => constant !== undefined)) {
    return computed(op, { inputs, attrs, recorder });
  }
  const attributes = { ...attrs } as Record<string, Attribute>;
  const shaped = SHAPES[op];
  if (shaped === undefined) {
    const shapes = values.map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
    throw new UserError(
      `the operator ${op} cannot be exported (it is called with ${shapes}); ` +
        `expected one of ${Object.keys(SHAPES).sort().join(", ")}, or one of ops/`,
    );
  }
  // New objects: a shape function may return its input's value, and two values are the same if the object is.
  const outputs = shaped({ inputs: values, attributes }).map(({ shape, dtype }) => ({ shape, dtype }));
  const results = recorder.add({ op, inputs: values, attributes }, outputs);
  return op === "SplitV" ? results : results[0]!;
}

interface Computation {
  readonly inputs: Call["inputs"];
  readonly attrs: Call["attrs"];
  readonly recorder: Recorder;
}

/** Computes a call of constants on the plain backend. @returns constants */
function computed(op: string, { inputs, attrs, recorder }: Computation): tf.TensorInfo[] | tf.TensorInfo {
  const cpu = tf.findBackend("cpu");
  const moved = <T>(tensor: T) => {
    const { shape, dtype, constant } = recorder.recorded(tensor as tf.TensorInfo);
    return { dataId: cpu.write(constant!, [...shape], dtype), shape: [...shape], dtype };
  };
  const onCpu = (Array.isArray(inputs) ? inputs.map(moved) : Object.fromEntries(
    Object.entries(inputs).map((
      [name, one],
    ) => [name, Array.isArray(one) ? one.map(moved) : one && moved(one)]),
  )) as unknown as tf.NamedTensorInfoMap;
  const results = tf.getKernel(op, "cpu").kernelFunc({
    inputs: onCpu,
    ...(attrs ? { attrs } : {}),
    backend: cpu,
  });
  const outputs = [results].flat().map((info) => {
    const constant = cpu.readSync(info.dataId) as Numbers;
    return recorder.hold({ shape: info.shape, dtype: info.dtype, constant });
  });
  // Kernels may give an input back as their output, so all are freed at the end, and by force.
  for (const info of [...Object.values(onCpu).flat(), ...[results].flat()]) {
    if (info) cpu.disposeData(info.dataId, true);
  }
  return Array.isArray(results) ? outputs : outputs[0]!;
}
