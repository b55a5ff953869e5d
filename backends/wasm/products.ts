/** Matrix products over parts of tensors in the heap. */
import * as tf from "@tensorflow/tfjs-core";
import { address, floatsAt, heapView, sizeOf } from "./heap.ts";
import { simd } from "./simd.ts";

/** Some rows of a float32 tensor, read as a matrix. */
export interface Matrix {
  readonly tensor: tf.TensorInfo;
  /** The first row. */
  readonly from: number;
  readonly rows: number;
  readonly columns: number;
  readonly transposed?: boolean;
}

/** `into` = a b, or `into` += a b; `into` is neither of them. */
export type Multiply = (factors: readonly [Matrix, Matrix], into: Matrix, add: boolean) => void;

/** All of a matrix. */
export function whole(tensor: tf.Tensor2D): Matrix {
  return { tensor, from: 0, rows: tensor.shape[0], columns: tensor.shape[1] };
}

/** By the backend's own product, which knows no parts: they are copied. */
export const copiedMultiply: Multiply = (factors, into, add) =>
  tf.tidy(() => {
    const [a, b] = factors.map((factor) => part(factor));
    const product = tf.matMul(a!, b!, factors[0].transposed, factors[1].transposed);
    const start = into.from * into.columns;
    if (add) {
      simd("addRows", address(into.tensor, start), 0, into.rows, into.columns, address(product));
    } else {
      floatsAt(address(into.tensor, start), product.size).set(heapView(product));
    }
  });

function part({ tensor, from, rows, columns }: Matrix): tf.Tensor2D {
  const all = tf.reshape(tensor as tf.Tensor, [sizeOf(tensor.shape) / columns, columns]) as tf.Tensor2D;
  return tf.slice(all, [from, 0], [rows, columns]);
}
