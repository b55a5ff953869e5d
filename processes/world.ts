/**
 * The processes of MPI as the trainer asks for them.
 *
 * The trainer gets it as core/world.ts's `World`. A call that only some of the processes make leaves the
 * others waiting until the time limit of mpi.ts ends them.
 */
import * as tf from "@tensorflow/tfjs-core";
import { exchangeJson, type GradualMean, type World } from "../core/world.ts";
import { Buckets } from "./buckets.ts";
import type { Mpi } from "./mpi.ts";
import { bytes, floats } from "./requests.ts";

/** Buckets of so many groups of parameters are kept. */
const KEPT = 4;

/**
 * All processes of a job as one. Values are read at once, so the backend must be one whose tensors can be
 * read within a step.
 */
export class MpiWorld implements World {
  readonly #mpi: Mpi;
  #buckets: readonly Buckets[] = [];

  constructor(mpi: Mpi) {
    this.#mpi = mpi;
  }

  get rank(): number {
    return this.#mpi.rank;
  }

  get size(): number {
    return this.#mpi.size;
  }

  get host(): string {
    return this.#mpi.host;
  }

  waited(): number {
    const { gradients, others } = this.#mpi.waited;
    return gradients + others;
  }

  mean(tensors: readonly (tf.Tensor | null)[]): readonly (tf.Tensor | null)[] {
    const present = this.sums(Float64Array.from(tensors, (tensor) => Number(tensor !== null)));
    const partly = present.some((count) => count > 0 && count < this.size);
    const shapes = partly ? this.#shapes(tensors) : tensors.map((tensor) => tensor?.shape);
    const sizes = shapes.map((shape) => shape === undefined ? 0 : tf.util.sizeFromShape([...shape]));
    const all = floats(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    tensors.forEach((tensor, k) => {
      if (tensor) all.set(tensor.dataSync() as Float32Array, at);
      at += sizes[k]!;
    });
    if (all.length > 0) this.#mpi.sum(all);
    at = 0;
    return shapes.map((shape, k) => {
      if (shape === undefined) return null;
      const own = all.slice(at, at += sizes[k]!).map((sum) => sum / this.size);
      return tf.tensor(own, [...shape]);
    });
  }

  gradual(like: readonly Pick<tf.Tensor, "shape" | "size">[]): GradualMean {
    const known = this.#buckets.find((buckets) => buckets.fits(like));
    const buckets = known ?? new Buckets(this.#mpi, like);
    if (!known) this.#buckets = [buckets, ...this.#buckets].slice(0, KEPT);
    return buckets.begin();
  }

  joined<T extends tf.Tensor>(tensor: T): T {
    const own = tensor.dataSync() as Float32Array;
    const all = this.#mpi.gather(own, Array<number>(this.size).fill(own.length));
    const [first = 1, ...others] = tensor.shape;
    return tf.tensor(all, [first * this.size, ...others]) as T;
  }

  swapped(parts: readonly Float32Array[], lengths: readonly number[]): Float32Array {
    return this.#mpi.swap(parts, lengths);
  }

  sums(numbers: Float64Array): Float64Array {
    return this.beginSums(numbers)();
  }

  beginSums(numbers: Float64Array): () => Float64Array {
    if (numbers.length === 0) return () => numbers;
    const all = new Float64Array(new ArrayBuffer(numbers.byteLength));
    all.set(numbers);
    const end = this.#mpi.beginSum(all);
    return () => {
      end();
      return all;
    };
  }

  exchange(own: Uint8Array): readonly Uint8Array[] {
    const lengths = new Float64Array(this.size);
    lengths[this.rank] = own.length;
    const counts = [...this.sums(lengths)];
    const sent = bytes(own.length);
    sent.set(own);
    const all = this.#mpi.gather(sent, counts);
    let at = 0;
    return counts.map((length) => all.slice(at, at += length));
  }

  /** Those that some process has; undefined where none has one. */
  #shapes(tensors: readonly (tf.Tensor | null)[]): readonly (readonly number[] | undefined)[] {
    const all = exchangeJson(this, tensors.map((tensor) => tensor?.shape ?? null));
    return tensors.map((_, k) => all.map((shapes) => shapes[k]).find((shape) => shape != null));
  }
}
