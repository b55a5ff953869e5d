/** Which kernel is running. What it touches must stay where it is until it ends: it has the addresses. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { InPieces } from "./no_memory.ts";

/** A kernel that was called. */
export interface Running {
  readonly name: string;
  /** Whether it has not ended. */
  active: boolean;
  /** The data of larger tensors that it made. */
  readonly made: object[];
}

let innermost: Running | undefined;

/** The kernel that runs now, the innermost; undefined between kernels. */
export function running(): Running | undefined {
  return innermost;
}

/** Calls a kernel, which is known while it runs. */
function known<A, R>(name: string, f: (argument: A) => R, argument: A): R {
  const outer = innermost;
  const own: Running = { name, active: true, made: [] };
  innermost = own;
  try {
    return f(argument);
  } catch (error) {
    if (error instanceof InPieces) free(own.made);
    throw error;
  } finally {
    own.active = false;
    innermost = outer;
  }
}

/**
 * The same for a kernel that changes none of its arguments: where room was in pieces it begins anew in an
 * empty heap. Not within another kernel, which holds what stands in the way.
 */
function knownTwice<A, R>(name: string, f: (argument: A) => R, argument: A): R {
  try {
    return known(name, f, argument);
  } catch (error) {
    if (!(error instanceof InPieces) || innermost !== undefined) throw error;
    error.clear();
    return known(name, f, argument);
  }
}

/** Frees data that a kernel made and no tensor has. */
function free(made: readonly object[]): void {
  const { tensorInfo } =
    (tf.engine() as unknown as { state: { tensorInfo: WeakMap<object, unknown> } }).state;
  const backend = tf.backend();
  for (const id of made) if (!tensorInfo.has(id)) backend.disposeData(id, true);
}

/**
 * The same kernels, each known while it runs. Those of rows and the optimiser's step change their arguments.
 */
export function knownKernels({ rows, sgdStep, ...kernels }: Partial<Kernels>): Partial<Kernels> {
  return {
    ...everyOne(kernels, (name, f) => (...args) =>
      // What the first call made before it stopped goes with the scope.
      knownTwice(name, () => tf.tidy(() => f(...args) as tf.TensorContainer), undefined)),
    ...everyOne(
      { ...(sgdStep ? { sgdStep } : {}) },
      (name, f) => (...args) => known(name, () => f(...args), 0),
    ),
    ...(rows ? { rows: everyOne(rows, (name, f) => (...args) => known(name, () => f(...args), 0)) } : {}),
  };
}

type Any = (...args: unknown[]) => unknown;

function everyOne<K extends object>(kernels: K, make: (name: string, f: Any) => Any): K {
  return Object.fromEntries(Object.entries(kernels).map(([name, f]) => [name, make(name, f)])) as K;
}

const wrapped = new WeakSet<object>();

/**
 * Makes those kernels of the tensor library known that a backend has registered by now. Repeating it changes
 * nothing.
 */
export function knowLibrary(backend: string): void {
  for (const kernel of tf.getKernelsForBackend(backend)) {
    const { kernelName, kernelFunc } = kernel;
    if (wrapped.has(kernelFunc)) continue;
    const func: tf.KernelFunc = (call) => knownTwice(kernelName, kernelFunc, call);
    wrapped.add(func);
    tf.unregisterKernel(kernelName, backend);
    tf.registerKernel({ ...kernel, kernelFunc: func });
  }
}
