/** The kernels of tfjs on the recorder: constants are worked out at once, everything else is written down. */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { UserError } from "../../core/errors.ts";
import type { Recorder } from "./backend.ts";
import type { Attribute, Numbers } from "./recording.ts";
import { SHAPES } from "./shapes.ts";

/** As tfjs calls it. */
export const RECORDER = "recorder";

/** Registers a kernel for everything that the plain backend has. */
export function registerRecordingKernels(): void {
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    tf.registerKernel({ kernelName, backendName: RECORDER, kernelFunc: (call) => called(kernelName, call) });
  }
}

type Call = Parameters<tf.KernelFunc>[0];

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
  // Values of their own: a shape may have come as the input's value.
  const outputs = shaped({ inputs: values, attributes }).map(({ shape, dtype }) => ({ shape, dtype }));
  const made = recorder.add({ op, inputs: values, attributes }, outputs);
  return op === "SplitV" ? made : made[0]!;
}

interface Computation {
  readonly inputs: Call["inputs"];
  readonly attrs: Call["attrs"];
  readonly recorder: Recorder;
}

/** What a kernel of the plain backend makes of constants. */
function computed(op: string, { inputs, attrs, recorder }: Computation): tf.TensorInfo[] | tf.TensorInfo {
  const cpu = tf.findBackend("cpu");
  const moved = <T>(tensor: T) => {
    const { shape, dtype, constant } = recorder.recorded(tensor as tf.TensorInfo);
    return { dataId: cpu.write(constant!, [...shape], dtype), shape: [...shape], dtype };
  };
  const given = (Array.isArray(inputs) ? inputs.map(moved) : Object.fromEntries(
    Object.entries(inputs).map((
      [name, one],
    ) => [name, Array.isArray(one) ? one.map(moved) : one && moved(one)]),
  )) as unknown as tf.NamedTensorInfoMap;
  const made = tf.getKernel(op, "cpu").kernelFunc({
    inputs: given,
    ...(attrs ? { attrs } : {}),
    backend: cpu,
  });
  const outputs = [made].flat().map((info) => {
    const constant = cpu.readSync(info.dataId) as Numbers;
    return recorder.hold({ shape: info.shape, dtype: info.dtype, constant });
  });
  // Kernels may give an input back as their output, so all are freed at the end, and by force.
  for (const info of [...Object.values(given).flat(), ...[made].flat()]) {
    if (info) cpu.disposeData(info.dataId, true);
  }
  return Array.isArray(made) ? outputs : outputs[0]!;
}
