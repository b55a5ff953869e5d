import * as tf from "@tensorflow/tfjs-core";
import type { RowKernels } from "./row_kernels.ts";

/** Sums that grow block by block, by the tensor whose shape they have: one that plays two parts is summed once. */
export class Sums {
  readonly #kernels: RowKernels;
  readonly #sums = new Map<tf.Tensor, tf.Tensor2D>();

  constructor(kernels: RowKernels) {
    this.#kernels = kernels;
  }

  /** Adds op(a) b to the sum of `x`. */
  addProduct(x: tf.Tensor2D, factors: readonly [tf.Tensor2D, tf.Tensor2D], transposeA: boolean): void {
    this.#set(x, this.#kernels.addProduct(this.#of(x), factors, transposeA));
  }

  /** Adds `values` [B, C] to the rows `indices` of the sum of `x`. */
  addRows(x: tf.Tensor2D, indices: Int32Array, values: tf.Tensor2D): void {
    this.#set(x, this.#kernels.addRows(this.#of(x), indices, values));
  }

  /** From gradients of x / |x| to those of `x`. */
  fromUnit(x: tf.Tensor2D): void {
    if (this.#sums.has(x)) this.#set(x, this.#kernels.unitGradient(this.#of(x), x));
  }

  /** The sum of `x` as a tensor of the current scope, zeros if nothing was added. */
  take(x: tf.Tensor2D): tf.Tensor2D {
    const sum = this.#of(x);
    this.#sums.delete(x);
    const result = tf.clone(sum);
    sum.dispose();
    return result;
  }

  #of(x: tf.Tensor2D): tf.Tensor2D {
    const sum = this.#sums.get(x);
    return sum ?? this.#set(x, tf.zeros(x.shape));
  }

  /** Kept, because blocks come and go in scopes of their own. */
  #set(x: tf.Tensor2D, sum: tf.Tensor2D): tf.Tensor2D {
    this.#sums.set(x, tf.keep(sum));
    return sum;
  }
}
