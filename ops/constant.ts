import * as tf from "@tensorflow/tfjs-core";

/**
 * What `compute` returns, as a constant: no gradient flows through it, and it may use operators that have none
 * (argMax, comparisons). Everything else it makes is freed.
 */
export function constant<T extends tf.Tensor>(compute: () => T): T {
  // Operators inside a custom operator are not recorded, and one without inputs is on nobody's path.
  return tf.customGrad(() => ({ value: compute(), gradFunc: () => [] }))() as T;
}
