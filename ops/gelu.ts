import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";

/**
 * The Gaussian error linear unit: x times the probability that a standard normal number is below x, 0.5 x (1
 * + erf(x / sqrt 2)); not its tanh approximation (Hendrycks and Gimpel 2016). Only `x` is kept for the
 * gradient.
 * @param x float32 of any shape; empty gives empty @returns like `x`
 */
export function gelu<T extends tf.Tensor>(x: T): T {
  if (x.size === 0) return tf.clone(x) as T;
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([input]);
    return {
      value: kernels().gelu(input),
      gradFunc: (dy: tf.Tensor, [a]: tf.Tensor[]) => kernels().geluGradient(dy, a!),
    };
  });
  return op(x) as T;
}
