/** Which kernel is running. What it touches must stay where it is until it ends: it has the addresses. */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";

/** A kernel that was called. */
export interface Running {
  readonly name: string;
  /** Whether it has not ended. */
  active: boolean;
}

let innermost: Running | undefined;

/** The kernel that runs now, the innermost; undefined between kernels. */
export function running(): Running | undefined {
  return innermost;
}

/** `f`, known as a kernel while it runs. */
function known<A extends unknown[], R>(name: string, f: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const outer = innermost;
    const own: Running = { name, active: true };
    innermost = own;
    try {
      return f(...args);
    } finally {
      own.active = false;
      innermost = outer;
    }
  };
}

/** The same kernels, each known while it runs. */
export function knownKernels<K extends Partial<Kernels>>(kernels: K): K {
  return knownMembers(kernels) as K;
}

function knownMembers(members: object): object {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [
      name,
      typeof member === "function"
        ? known(name, member)
        : typeof member === "object" && member !== null
        ? knownMembers(member)
        : member,
    ]),
  );
}

/** As {@linkcode known}, for the one argument that the library's kernels have: there are thousands of calls in a step. */
function knownOperator(name: string, f: tf.KernelFunc): tf.KernelFunc {
  return (call) => {
    const outer = innermost;
    const own: Running = { name, active: true };
    innermost = own;
    try {
      return f(call);
    } finally {
      own.active = false;
      innermost = outer;
    }
  };
}

const wrapped = new WeakSet<object>();

/** Makes those kernels of the tensor library known that a backend has registered by now. Repeating it changes nothing. */
export function knowLibrary(backend: string): void {
  for (const kernel of tf.getKernelsForBackend(backend)) {
    const { kernelName, kernelFunc } = kernel;
    if (wrapped.has(kernelFunc)) continue;
    const func = knownOperator(kernelName, kernelFunc);
    wrapped.add(func);
    tf.unregisterKernel(kernelName, backend);
    tf.registerKernel({ ...kernel, kernelFunc: func });
  }
}
