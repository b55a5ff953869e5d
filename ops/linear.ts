import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";

/** What {@linkcode linear} multiplies with. */
export interface LinearOptions {
  /** float32 [I, O]; files keep it as [O, I] */
  readonly weight: tf.Tensor2D;
  /** float32 [O] */
  readonly bias?: tf.Tensor1D;
}

/**
 * x weight + bias over the last axis, as one operator: adding the bias is no pass of its own, nor is its gradient a slow sum.
 * The gradient of a weight that is a variable which nobody trains is not computed and is zero.
 * @param x float32 [..., I] of rank 2 or more @returns float32 [..., O]
 * @throws Error when the channels do not fit
 */
export function linear<T extends tf.Tensor>(x: T, { weight, bias }: LinearOptions): T {
  const input = x.shape.at(-1)!, [expected, output] = weight.shape;
  if (input !== expected || (bias && bias.size !== output)) {
    throw new Error(
      `[${x.shape}] times [${weight.shape}]${bias ? ` plus [${bias.shape}]` : ""}: the channels do not fit`,
    );
  }
  const shape = [...x.shape.slice(0, -1), output];
  if (x.size === 0) return tf.zeros(shape) as T;
  const rows = x.size / input;
  const fixed = weight instanceof tf.Variable && !weight.trainable;
  const op = tf.customGrad((...args) => {
    const [a, w] = args as unknown as [tf.Tensor, tf.Tensor2D];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const flat = (tensor: tf.Tensor, columns: number) => tf.reshape(tensor, [rows, columns]) as tf.Tensor2D;
    save([a, w]);
    return {
      value: tf.reshape(kernels().linear(flat(a, input), w, bias), shape),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [kept, factor] = saved as [tf.Tensor, tf.Tensor2D];
        const slope = flat(dy, output);
        return [
          tf.reshape(tf.matMul(slope, factor, false, true), x.shape),
          fixed ? tf.zerosLike(factor) : tf.matMul(flat(kept, input), slope, true, false),
          ...(bias ? [kernels().columnSums(slope)] : []),
        ];
      },
    };
  });
  return op(x, weight, ...(bias ? [bias] : [])) as T;
}
