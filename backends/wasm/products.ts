/**
 * The form in which kernels ask for matrix products: over parts of tensors in the heap, with the result
 * written into part of another. `native` computes these where they lie; the versions here, for `wasm`, copy
 * the parts out and the result in, because tfjs's product knows only whole tensors.
 */
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
 * Computes `into` = a b, `into` += a b, or `into` = a b with a row added to every row. The memory of `into`
 * must not be that of a factor.
 * @param add whether to add to `into`, or the row, float32 [columns]
 */
export type Multiply = (factors: readonly [Matrix, Matrix], into: Matrix, add: boolean | tf.Tensor1D) => void;

/**
 * The same product, that may still be computed when it returns: whoever reads the address of `into` waits for
 * it (background.ts). Nothing may write to the factors until then.
 * @param after what is left to do with `into` on this thread; whoever reads the tensor that it gives waits
 * instead. Absent: nothing
 */
export type MultiplyLater = (
  factors: readonly [Matrix, Matrix],
  into: Matrix,
  add: boolean,
  after?: After,
) => void;

/** What is left to do with a product. */
export interface After {
  /** The tensor that `finish` computes from it. */
  readonly gives: tf.TensorInfo;
  /** What `finish` reads beside it; absent: nothing. */
  readonly needs?: readonly tf.TensorInfo[];
  /** Must not allocate: it may run inside of any kernel. */
  finish(): void;
}

/** Matrices that follow each other in a float32 tensor. */
export interface Planes {
  readonly tensor: tf.TensorInfo;
  /** The element with which the first begins. */
  readonly element: number;
  readonly planes: number;
  /** Rows and columns of each matrix. */
  readonly rows: number;
  readonly columns: number;
  readonly transposed?: boolean;
}

/**
 * Computes `into` = a b plane by plane or, if `add` is set and there is one plane, `into` += a b. The memory
 * of `into` must not be that of a factor.
 */
export type MultiplyPlanes = (factors: readonly [Planes, Planes], into: Planes, add: boolean) => void;

/** {@linkcode MultiplyLater} for planes. */
export type MultiplyPlanesLater = (
  factors: readonly [Planes, Planes],
  into: Planes,
  after: After,
) => void;

/** The matrix products of a backend. */
export interface Products {
  /** Whether 16 planes at once are about as fast as one product of as many multiplications (winograd.ts). */
  readonly fastPlanes: boolean;
  readonly multiply: Multiply;
  readonly planes: MultiplyPlanes;
  /** For results that are not read soon. */
  readonly later: MultiplyLater;
  /** Likewise. */
  readonly planesLater: MultiplyPlanesLater;
}

/** Products of which none is computed later. */
export function productsAtOnce(
  { multiply, planes, fastPlanes }: Pick<Products, "multiply" | "planes" | "fastPlanes">,
): Products {
  return {
    fastPlanes,
    multiply,
    planes,
    later(factors, into, add, after) {
      multiply(factors, into, add);
      after?.finish();
    },
    planesLater(factors, into, after) {
      planes(factors, into, false);
      after.finish();
    },
  };
}

/** All of a matrix. */
export function whole(tensor: tf.Tensor2D): Matrix {
  return { tensor, from: 0, rows: tensor.shape[0], columns: tensor.shape[1] };
}

/** Products by tfjs's own kernel. */
const copiedMultiply: Multiply = (factors, into, add) =>
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

/** The same for planes. tfjs multiplies several in a plain loop, without SIMD. */
const copiedMultiplyPlanes: MultiplyPlanes = (factors, into, add) =>
  tf.tidy(() => {
    const [a, b] = factors.map(planesPart);
    const product = tf.matMul(a!, b!, factors[0].transposed, factors[1].transposed);
    const place = address(into.tensor, into.element);
    if (add) simd("addRows", place, 0, into.rows, into.columns, address(product));
    else floatsAt(place, product.size).set(heapView(product));
  });

/** A copy of some planes as a tensor of their own. */
function planesPart({ tensor, element, planes, rows, columns }: Planes): tf.Tensor3D {
  const flat = tf.reshape(tensor as tf.Tensor, [-1]);
  return tf.reshape(tf.slice(flat, element, planes * rows * columns), [planes, rows, columns]);
}

/** A copy of some rows as a tensor of their own. */
function part({ tensor, from, rows, columns }: Matrix): tf.Tensor2D {
  const all = tf.reshape(tensor as tf.Tensor, [sizeOf(tensor.shape) / columns, columns]) as tf.Tensor2D;
  return tf.slice(all, [from, 0], [rows, columns]);
}

/** The products of `wasm`. */
export const copiedProducts: Products = productsAtOnce({
  multiply: copiedMultiply,
  planes: copiedMultiplyPlanes,
  fastPlanes: false,
});
