import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";

/** What {@linkcode linear} multiplies with. */
export interface LinearOptions {
  /** float32 [I, O], or [O, I] where `outputFirst` says so */
  readonly weight: tf.Tensor2D;
  /** Whether the weight is [O, I], as PyTorch's files keep it. Absent: no. */
  readonly outputFirst?: boolean;
  /** float32 [O] */
  readonly bias?: tf.Tensor1D;
}

/**
 * x weight + bias over the last axis, as one operator: a backend can add the bias in the pass of the product,
 * and the gradient of the bias is a product with ones, which is faster than a sum over rows. If the weight is
 * a variable that is not trainable, its gradient is zeros without being computed.
 * @param x float32 [..., I] of rank 2 or more; empty gives zeros of the result's shape @returns float32 [...,
 * O]
 * @throws Error when the channels do not fit
 */
export function linear<T extends tf.Tensor>(x: T, { weight, bias, outputFirst = false }: LinearOptions): T {
  const input = x.shape.at(-1)!;
  const [expected, output] = outputFirst ? [weight.shape[1], weight.shape[0]] : weight.shape;
  if (input !== expected || (bias && bias.size !== output)) {
    throw new Error(
      `[${x.shape}] times [${weight.shape}]${bias ? ` plus [${bias.shape}]` : ""}: the channels do not fit`,
    );
  }
  const shape = [...x.shape.slice(0, -1), output];
  if (x.size === 0) return tf.zeros(shape) as T;
  const rows = x.size / input;
  const fixed = weight instanceof tf.Variable && !weight.trainable;
  const weightGradient = (rows: tf.Tensor2D, slope: tf.Tensor2D) =>
    outputFirst ? tf.matMul(slope, rows, true, false) : tf.matMul(rows, slope, true, false);
  const op = tf.customGrad((...args) => {
    const [a, w] = args as unknown as [tf.Tensor, tf.Tensor2D];
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const flat = (tensor: tf.Tensor, columns: number) => tf.reshape(tensor, [rows, columns]) as tf.Tensor2D;
    save([a, w]);
    return {
      // The transposed weight is freed with this operator.
      value: tf.reshape(kernels().linear(flat(a, input), outputFirst ? tf.transpose(w) : w, bias), shape),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedInput, factor] = saved as [tf.Tensor, tf.Tensor2D];
        const slope = flat(dy, output);
        return [
          tf.reshape(tf.matMul(slope, factor, false, !outputFirst), x.shape),
          fixed ? tf.zerosLike(factor) : weightGradient(flat(savedInput, input), slope),
          ...(bias ? [kernels().columnSums(slope)] : []),
        ];
      },
    };
  });
  return op(x, weight, ...(bias ? [bias] : [])) as T;
}
