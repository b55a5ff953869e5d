import * as tf from "@tensorflow/tfjs-core";

/** See {@linkcode Kernels.finite}: the sum of all numbers. */
export function portableFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tensors.length === 0 ? tf.scalar(0) : tf.sum(tf.stack(tensors.map((tensor) => tf.sum(tensor))));
}
