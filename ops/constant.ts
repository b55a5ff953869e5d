/**
 * Parts of a computation that carry no gradient, without keeping anything for one. tfjs records every
 * operator that runs while gradients are taken, if it depends on a variable: also those that only make a mask
 * or a pseudo-label, and it saves their inputs until the backward pass is over. Operators without a gradient
 * (argMax, comparisons) on such a path would even be an error. `constant` and `constants` hide a computation
 * from the tape.
 */
import * as tf from "@tensorflow/tfjs-core";

/**
 * The tensor that `compute` returns, as a constant: no gradient flows through it, and it may use operators
 * that have none (argMax, comparisons). All other tensors that it allocates are freed. A tensor that is only
 * passed through has to be cloned.
 */
export function constant<T extends tf.Tensor>(compute: () => T): T {
  // Operators inside a custom operator are not recorded, and one without inputs lies on no path of a
  // gradient.
  return tf.customGrad(() => ({ value: compute(), gradFunc: () => [] }))() as T;
}

/** The part of tfjs's engine that is used here beyond its public types. */
interface Engine {
  readonly state: { kernelDepth: number };
}

/**
 * The same for several tensors, in arrays and objects. Nothing that `compute` does is recorded, and all
 * tensors that it allocates are freed, except those it returns.
 */
export function constants<T>(compute: () => T): T {
  const { state } = tf.engine() as unknown as Engine;
  // tfjs does the same while a kernel runs: operators inside of a kernel are not recorded.
  state.kernelDepth++;
  try {
    return tf.tidy(() => compute() as tf.TensorContainer) as T;
  } finally {
    state.kernelDepth--;
  }
}
