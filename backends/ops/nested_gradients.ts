import * as tf from "@tensorflow/tfjs-core";

/** Gradients of `f` within the gradient of something else, whose tape tfjs would drop. @param dy of the shape of `f(xs)` */
export function nestedGradients(
  f: (...xs: tf.Tensor[]) => tf.Tensor,
  xs: tf.Tensor[],
  dy: tf.Tensor,
): tf.Tensor[] {
  const { state } = tf.engine();
  const outer = state.activeTape!;
  try {
    return tf.grads(f)(xs, dy);
  } finally {
    state.activeTape = outer;
  }
}
