import * as tf from "@tensorflow/tfjs-core";

/** Frees every tensor that `compute` makes; what it returns lies on the host. */
export function scoped<T>(compute: () => T): T {
  let result: T;
  tf.tidy(() => void (result = compute()));
  return result!;
}
