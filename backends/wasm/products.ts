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

/**
 * `into` = a b, or `into` += a b where `add`, or `into` = a b with a row added to every row; `into` is
 * neither of the factors.
 * @param add whether to add, or the row, float32 [columns]
 */
export type Multiply = (factors: readonly [Matrix, Matrix], into: Matrix, add: boolean | tf.Tensor1D) => void;

/** Matrices that follow each other in a float32 tensor. */
export interface Planes {
  readonly tensor: tf.TensorInfo;
  /** Where the first begins. */
  readonly element: number;
  readonly planes: number;
  /** Of each. */
  readonly rows: number;
  readonly columns: number;
  readonly transposed?: boolean;
}

/** `into` = a b plane by plane, or, of a single plane, `into` += a b; `into` is neither of them. */
export type MultiplyPlanes = (factors: readonly [Planes, Planes], into: Planes, add: boolean) => void;

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
    if (add === true) {
      simd("addRows", address(into.tensor, start), 0, into.rows, into.columns, address(product));
    } else {
      floatsAt(address(into.tensor, start), product.size).set(heapView(product));
      if (add) simd("addRow", address(into.tensor, start), into.rows, into.columns, address(add));
    }
  });

/** The same for planes. */
export const copiedMultiplyPlanes: MultiplyPlanes = (factors, into, add) =>
  tf.tidy(() => {
    const [a, b] = factors.map(planesPart);
    const product = tf.matMul(a!, b!, factors[0].transposed, factors[1].transposed);
    const place = address(into.tensor, into.element);
    if (add) simd("addRows", place, 0, into.rows, into.columns, address(product));
    else floatsAt(place, product.size).set(heapView(product));
  });

function planesPart({ tensor, element, planes, rows, columns }: Planes): tf.Tensor3D {
  const flat = tf.reshape(tensor as tf.Tensor, [-1]);
  return tf.reshape(tf.slice(flat, element, planes * rows * columns), [planes, rows, columns]);
}

function part({ tensor, from, rows, columns }: Matrix): tf.Tensor2D {
  const all = tf.reshape(tensor as tf.Tensor, [sizeOf(tensor.shape) / columns, columns]) as tf.Tensor2D;
  return tf.slice(all, [from, 0], [rows, columns]);
}
