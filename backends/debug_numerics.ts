/**
 * Finds the operator that first produces a NaN or an infinity. A loss that is not finite says little: the bad
 * value may have been born thousands of operators before, and everything after it is NaN too. Here every
 * kernel of the current backend, tfjs's own and those of ops/, is wrapped, and its result is looked at as
 * soon as it is there. The guilty one has finite inputs and a result that is not. Reading every result is
 * slow: it is for one run, to find a fault.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import { kernels, replaceKernels } from "../ops/kernels.ts";
import { BACKENDS, READABLE } from "./mod.ts";

const watched = new Set<string>();

/**
 * From now on, a kernel of the current backend that produces a value that is not finite from finite inputs
 * throws a {@linkcode UserError} that names it, the value and the shapes. It stays so until the process ends;
 * a second call changes nothing.
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
  const replaced = kernels();
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
  const entries = Object.entries(replaced).map(([name, kernel]) => {
    if (typeof kernel !== "function") return [name, kernel];
    return [name, (...args: unknown[]) => {
      const inputs = tensorsIn(args);
      // An update (sgdStep) has no result but changes its arguments, so these are looked at before and after.
      const healthy = inputs.every(isFinite);
      const result = (kernel as (...args: unknown[]) => unknown)(...args);
      if (healthy) check(name, [], [...tensorsIn([result]), ...inputs], inputs);
      return result;
    }];
  });
  replaceKernels(backend, Object.fromEntries(entries));
}

/**
 * Looks at the results of one kernel. @param inputs all must be finite for the kernel to be at fault @param
 * shown the inputs to name in the error, if not `inputs`
 * @throws UserError at the first value that is not finite
 */
function check(
  name: string,
  inputs: readonly tf.TensorInfo[],
  outputs: readonly tf.TensorInfo[],
  shown = inputs,
): void {
  for (const output of outputs) {
    const value = unusual(output);
    if (value === undefined) continue;
    // With inputs that are not finite, the fault lies earlier. Without inputs it is a constant that is meant
    // so.
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

/** The first value that is not finite; undefined if all are. */
function unusual({ dataId, dtype }: tf.TensorInfo): number | undefined {
  if (dtype !== "float32") return undefined;
  const values = tf.backend().readSync(dataId) as Float32Array;
  return values.find((value) => !Number.isFinite(value));
}

/** All tensors in a value, through arrays and objects. */
function tensorsIn(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(tensorsIn) : [];
}
