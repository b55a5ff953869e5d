/**
 * Which kernel is running. A kernel asks for the addresses of its tensors and uses them until it ends, so
 * these tensors must stay where they are: Place asks `running()` and remembers the kernel as holder. Kernels
 * call kernels (a composed one of ops/ calls those of tfjs), so there is a stack of which only the innermost
 * is current.
 *
 * To know about every kernel, all of them are wrapped: those of the library as they are registered, and ours
 * as a backend hands them over. A wrapped kernel that stopped for lack of connected room (InPieces) can begin
 * again, if it changes none of its arguments.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../../ops/kernel_types.ts";
import { InPieces } from "./no_memory.ts";

/** A call of a kernel. */
export interface Running {
  readonly name: string;
  /** True until it ends. */
  active: boolean;
  /** The data ids of larger tensors that it made. */
  readonly made: object[];
}

let innermost: Running | undefined;

/** The kernel that runs now, the innermost; undefined between kernels. */
export function running(): Running | undefined {
  return innermost;
}

/** Calls a kernel that `running` knows while it runs. If it stops for InPieces, what it made is freed. */
function known<A, R>(name: string, f: (argument: A) => R, argument: A): R {
  const outer = innermost;
  const call: Running = { name, active: true, made: [] };
  innermost = call;
  try {
    return f(argument);
  } catch (error) {
    if (error instanceof InPieces) free(call.made);
    throw error;
  } finally {
    call.active = false;
    innermost = outer;
  }
}

/**
 * A step of a kernel as a kernel of its own: when it ends, its tensors may leave, though the whole goes on.
 * @param name as errors call it
 */
export function step(name: string, f: () => void): void {
  known(name, f, undefined);
}

/**
 * The same for a kernel that changes none of its arguments: after InPieces all other tensors leave, and it
 * begins again. Within another kernel the error goes on to that one, because it holds the tensors that stand
 * in the way.
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

/** Frees data that a stopped kernel made and that no tensor has. */
function free(made: readonly object[]): void {
  const { tensorInfo } =
    (tf.engine() as unknown as { state: { tensorInfo: WeakMap<object, unknown> } }).state;
  const backend = tf.backend();
  for (const id of made) if (!tensorInfo.has(id)) backend.disposeData(id, true);
}

/**
 * The same kernels, each known while it runs. Those of rows and the optimiser's step change their arguments,
 * so they never run twice.
 */
export function knownKernels({ rows, sgdStep, ...kernels }: Partial<Kernels>): Partial<Kernels> {
  return {
    ...everyOne(kernels, (name, f) => (...args) =>
      // The scope also frees what a first call had allocated before it was stopped.
      knownTwice(name, () => tf.tidy(() => f(...args) as tf.TensorContainer), undefined)),
    ...everyOne(
      { ...(sgdStep ? { sgdStep } : {}) },
      (name, f) => (...args) => known(name, () => f(...args), 0),
    ),
    ...(rows ? { rows: everyOne(rows, (name, f) => (...args) => known(name, () => f(...args), 0)) } : {}),
  };
}

type Any = (...args: unknown[]) => unknown;

/** An object with the same keys, whose functions went through `make`. */
function everyOne<K extends object>(kernels: K, make: (name: string, f: Any) => Any): K {
  return Object.fromEntries(Object.entries(kernels).map(([name, f]) => [name, make(name, f)])) as K;
}

const wrapped = new WeakSet<object>();

/**
 * Wraps those kernels of the tensor library that a backend has registered by now. Repeating it changes
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
