/**
 * Gradients that grow. Think of one array for each tensor that has a gradient, which every tile adds its part
 * to.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Product, RowKernels } from "./row_kernels.ts";

/**
 * Sums that grow block by block, by the tensor whose shape they have: one that plays two parts is summed
 * once.
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

  /** Takes from the sum of `x` what only changes lengths. */
  acrossOnly(x: tf.Tensor2D, inverseNorms: tf.Tensor1D): void {
    if (this.#sums.has(x)) this.#set(x, this.#kernels.across(this.#of(x), x, inverseNorms));
  }

  /** Takes `factor` [P] times `x` from the sum of `x`. */
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

  /** Kept, because blocks come and go in scopes of their own. */
  #set(x: tf.Tensor2D, sum: tf.Tensor2D): void {
    this.#sums.set(x, tf.keep(sum));
  }
}
