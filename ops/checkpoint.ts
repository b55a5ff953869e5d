import * as tf from "@tensorflow/tfjs-core";
import { gradients } from "./gradients.ts";

/**
 * f(x), of which nothing but `x` is kept for the gradient: what is between is computed again when it is
 * needed.
 * @param f called with the input, and again for the gradient
 * @param params the variables that `f` uses
 */
export function checkpoint<T extends tf.Tensor>(
  f: (x: T) => T,
  x: T,
  params: readonly tf.Variable[],
): T {
  const op = tf.customGrad((...args) => {
    const [input, save] = [args[0] as T, args.at(-1) as unknown as tf.GradSaveFunc];
    save([input]);
    return {
      value: f(input),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const inputs = [saved[0] as T, ...params];
        const { grads } = gradients(() => f(saved[0] as T), inputs, dy);
        return grads.map((grad, k) => grad ?? tf.zerosLike(inputs[k]!));
      },
    };
  });
  return op(x, ...params) as T;
}
