import * as tf from "@tensorflow/tfjs-core";

/**
 * What `compute` returns, as a constant: no gradient flows through it, and it may use operators that have
 * none (argMax, comparisons). Everything else it makes is freed.
 */
export function constant<T extends tf.Tensor>(compute: () => T): T {
  // Operators inside a custom operator are not recorded, and one without inputs lies on no path of a gradient.
  return tf.customGrad(() => ({ value: compute(), gradFunc: () => [] }))() as T;
}

/** What is used of the engine beyond its public types. */
interface Engine {
  readonly state: { kernelDepth: number };
}

/**
 * The same for several tensors, in arrays and objects: nothing that `compute` does is recorded, so nothing of
 * it is kept for a gradient, and all it makes is freed but what it returns.
 */
export function constants<T>(compute: () => T): T {
  const { state } = tf.engine() as unknown as Engine;
  // As tfjs does while a kernel runs: what a kernel is made of is not recorded.
  state.kernelDepth++;
  try {
    return tf.tidy(() => compute() as tf.TensorContainer) as T;
  } finally {
    state.kernelDepth--;
  }
}
