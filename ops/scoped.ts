import * as tf from "@tensorflow/tfjs-core";

/**
 * Runs `compute` in a tidy scope, and frees every tensor that it allocates. Its result is not searched for
 * tensors: it has to lie on the host.
 */
export function scoped<T>(compute: () => T): T {
  let result: T;
  tf.tidy(() => void (result = compute()));
  return result!;
}
