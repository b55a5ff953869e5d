/**
 * Gradients that grow. Think of one array for each tensor that has a gradient, to which every tile adds its
 * part. Kernels consume a sum and return it raised, in the same memory where they can; the map always holds
 * the newest handle.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Product, RowKernels } from "./row_kernels.ts";

/**
 * Sums by the tensor whose gradient they are, of its shape. A tensor that is used twice, like the image of an
 * aggregation that is rows and columns of D, has one sum. The caller has to `take` every sum: until then its
 * memory outlives all scopes.
 */
export class Sums {
  readonly #kernels: RowKernels;
  readonly #sums = new Map<tf.Tensor, tf.Tensor2D>();

  constructor(kernels: RowKernels) {
    this.#kernels = kernels;
  }

  /** The sum of `x` begins with `value`, whose memory it becomes. */
  start(x: tf.Tensor2D, value: tf.Tensor2D): void {
    this.#set(x, value);
  }

  /** Adds `values` to `rows` of the sum of `x`. */
  add(x: tf.Tensor2D, values: tf.Tensor2D, rows: Int32Array): void {
    this.#set(x, this.#kernels.add(this.#of(x), values, rows));
  }

  /** Adds a product to rows of the sum of `x`. */
  addProduct(x: tf.Tensor2D, product: Product): void {
    this.#set(x, this.#kernels.addProduct(this.#of(x), product));
  }

  /**
   * Leaves of each row of the sum of `x` only what is at a right angle to that row of `x`; nothing if there
   * is no sum.
   */
  acrossOnly(x: tf.Tensor2D, inverseNorms: tf.Tensor1D): void {
    if (this.#sums.has(x)) this.#set(x, this.#kernels.across(this.#of(x), x, inverseNorms));
  }

  /** Subtracts `factor` [P] times `x` from the sum of `x`. */
  subtract(x: tf.Tensor2D, factor: tf.Tensor1D): void {
    this.#set(x, this.#kernels.subtract(this.#of(x), x, factor));
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
    if (sum !== undefined) return sum;
    this.#set(x, tf.zeros(x.shape));
    return this.#sums.get(x)!;
  }

  /** Kept, because a block's scope frees whatever was allocated in it. */
  #set(x: tf.Tensor2D, sum: tf.Tensor2D): void {
    this.#sums.set(x, tf.keep(sum));
  }
}
