/**
 * Vectors brought to length 1, with the gradient of that. With u = x / |x|, a gradient du becomes (du - u (u
 * . du)) / |x|: the part along u would only change the length, so it is taken away. A zero vector has no
 * direction; it stays zero and gets the gradient zero.
 */
import * as tf from "@tensorflow/tfjs-core";

/** A vector that is shorter, but not zero, is divided by this. */
export const SMALLEST_NORM = 1e-12;

/**
 * 1 / |x| over the last axis, which stays with one element; 0 for zero vectors. It is not differentiable: use
 * {@linkcode unitVectors}.
 */
export function inverseNorms(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.sum(tf.square(x), -1, true));
    return tf.div(tf.cast(tf.greater(norm, 0), "float32"), tf.maximum(norm, SMALLEST_NORM));
  });
}

/**
 * x / |x| over the last axis; zero vectors stay zero, and so does their gradient.
 * @param x float32 [N, P, C]
 */
export function unitVectors(x: tf.Tensor3D): tf.Tensor3D {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor3D, tf.GradSaveFunc];
    const inverse = inverseNorms(input);
    const value = tf.mul(input, inverse);
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [unit, scale] = saved as [tf.Tensor3D, tf.Tensor3D];
        return unitGradient(dy, unit, scale);
      },
    };
  });
  return op(x) as tf.Tensor3D;
}

/**
 * The gradient with respect to x, from the gradient with respect to u = x / |x|.
 * @param dy the gradient of u @param unit u @param inverse 1 / |x|, one element on the last axis
 */
export function unitGradient(dy: tf.Tensor, unit: tf.Tensor, inverse: tf.Tensor): tf.Tensor {
  const along = tf.sum(tf.mul(dy, unit), -1, true);
  return tf.mul(tf.sub(dy, tf.mul(unit, along)), inverse);
}
