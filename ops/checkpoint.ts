import * as tf from "@tensorflow/tfjs-core";
import { gradients } from "./gradients.ts";

/**
 * f(x), of which nothing but `x` is kept for the gradient: what is between is computed again when it is needed.
 * @param f called with the input, and again for the gradient
 * @param params the variables that `f` uses
 */
export function checkpoint(
  f: (x: tf.Tensor4D) => tf.Tensor4D,
  x: tf.Tensor4D,
  params: readonly tf.Variable[],
): tf.Tensor4D {
  const op = tf.customGrad((...args) => {
    const [input, save] = [args[0] as tf.Tensor4D, args.at(-1) as unknown as tf.GradSaveFunc];
    save([input]);
    return {
      value: f(input),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const inputs = [saved[0] as tf.Tensor4D, ...params];
        const { grads } = gradients(() => f(saved[0] as tf.Tensor4D), inputs, dy);
        return grads.map((grad, k) => grad ?? tf.zerosLike(inputs[k]!));
      },
    };
  });
  return op(x, ...params) as tf.Tensor4D;
}
