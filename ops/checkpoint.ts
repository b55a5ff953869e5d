/**
 * Gradient checkpointing (Chen et al. 2016): memory for time. A network keeps the inputs of all its operators
 * until the backward pass has used them. A checkpointed block is one operator on the outer tape: it keeps its
 * input only, and when its gradient is due it runs forward again, with a tape of its own, and back over that.
 * With a block per residual unit, memory at any time is the inputs of the blocks plus the operators of one
 * block, for about a third more computing.
 *
 * `f` therefore runs twice and must compute the same both times: it must not draw random numbers (they are
 * drawn outside and given to it), and what it records beside its value, such as batch statistics, has to be
 * recorded once (ops/layers/together.ts).
 */
import * as tf from "@tensorflow/tfjs-core";
import { gradients } from "./gradients.ts";

/**
 * f(x), of which nothing but `x` is kept for the gradient.
 * @param f called with the input, and again with the same input for the gradient; of the shape of its choice
 * @param params the variables that `f` uses: a variable that is missing here gets no gradient from `f`
 * @throws whatever `f` throws, and what {@linkcode gradients} throws
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
