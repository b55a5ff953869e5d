import * as tf from "@tensorflow/tfjs-core";

/**
 * The sum of tensors of one shape, added from the first to the last, so that it is rounded the same way
 * always. TensorFlow.js' own `addN` binds a buffer for each, of which a GPU has few: with eight tensors or
 * more WebGPU drops the work, and what was handed in with it, without an error. @param tensors at least one
 */
export function addAll<T extends tf.Tensor>(tensors: readonly T[]): T {
  const [first, ...others] = tensors;
  if (first === undefined) throw new Error("there is nothing to add");
  return tf.tidy(() => others.reduce((sum, other) => tf.add(sum, other) as T, tf.clone(first) as T));
}
