/**
 * Finding where a NaN or an infinity is born: every operator's results are looked at. Slow; for one run, to
 * find a fault.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import { kernels, replaceKernels } from "../ops/kernels.ts";
import { BACKENDS, READABLE } from "./mod.ts";

const watched = new Set<string>();

/**
 * From now on an operator of the current backend that makes a value that is not finite from finite inputs
 * throws a {@linkcode UserError} that names it. Repeating it changes nothing.
 * @throws UserError on a backend whose values cannot be read within a step
 */
export function watchNumerics(): void {
  const backend = tf.getBackend();
  if (watched.has(backend)) return;
  if (BACKENDS.some(({ name, readable }) => name === backend && !readable)) {
    const names = READABLE.map(({ name }) => name);
    const use = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
    throw new UserError(`--debug-numerics: ${backend} cannot be read within a step; use ${use}`);
  }
  watched.add(backend);
  const own = kernels();
  for (const kernel of tf.getKernelsForBackend(backend)) {
    const { kernelName, kernelFunc } = kernel;
    tf.unregisterKernel(kernelName, backend);
    tf.registerKernel({
      ...kernel,
      kernelFunc(call) {
        const result = kernelFunc(call);
        const inputs = Object.values(call.inputs).flat().filter((input) => input !== undefined);
        check(kernelName, inputs as tf.TensorInfo[], [result].flat());
        return result;
      },
    });
  }
  const entries = Object.entries(own).map(([name, kernel]) => {
    if (typeof kernel !== "function") return [name, kernel];
    return [name, (...args: unknown[]) => {
      const inputs = tensorsIn(args);
      // An update changes its arguments, so they are looked at before and after.
      const healthy = inputs.every(isFinite);
      const result = (kernel as (...args: unknown[]) => unknown)(...args);
      if (healthy) check(name, [], [...tensorsIn([result]), ...inputs], inputs);
      return result;
    }];
  });
  replaceKernels(backend, Object.fromEntries(entries));
}

/** @param shown the inputs to name, where they are not `inputs` */
function check(
  name: string,
  inputs: readonly tf.TensorInfo[],
  outputs: readonly tf.TensorInfo[],
  shown = inputs,
): void {
  for (const output of outputs) {
    const value = unusual(output);
    if (value === undefined) continue;
    // An operator whose inputs are not finite is not at fault, nor is a constant: it was written so.
    if (shown.length === 0 || !inputs.every(isFinite)) return;
    const from = shown.map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
    throw new UserError(
      `the operator ${name} made ${value} from finite inputs of shape ${from}; its result has the shape [${
        output.shape.join(", ")
      }]`,
    );
  }
}

function isFinite(tensor: tf.TensorInfo): boolean {
  return unusual(tensor) === undefined;
}

/** The first value that is not finite. */
function unusual({ dataId, dtype }: tf.TensorInfo): number | undefined {
  if (dtype !== "float32") return undefined;
  const values = tf.backend().readSync(dataId) as Float32Array;
  return values.find((value) => !Number.isFinite(value));
}

function tensorsIn(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}
