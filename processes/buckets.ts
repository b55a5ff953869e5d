/**
 * Gradients are summed in buckets. Think of a row of boxes that are filled from the last parameter to the
 * first, as a backward pass makes their gradients: a box that is full is sent on its way while the next one
 * is filled, and always in the row's order, because all processes must send the same box at the same time.
 *
 * world.ts hands the gradients of a pass to it. What may break is the order: two processes that send
 * different boxes at the same time add gradients of different parameters, without an error.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { GradualMean } from "../core/world.ts";
import type { Mpi } from "./mpi.ts";
import { floats, type Request } from "./requests.ts";

/** Elements of a bucket: about 25 MB. */
const BUCKET = 25e6 / 4;
/**
 * Elements of a piece: a bucket travels in pieces, one after the other, so that batch statistics, which are
 * waited for, do not wait behind a whole bucket on a slow wire.
 */
const PIECE = 2e6 / 4;

type Like = Pick<tf.Tensor, "shape" | "size">;

/** Where a tensor lies. */
interface Slot {
  readonly bucket: number;
  readonly start: number;
}

/** Buckets for tensors of some shapes; used again by every step. */
export class Buckets {
  readonly #mpi: Mpi;
  readonly #like: readonly Like[];
  readonly #slots: readonly Slot[];
  readonly #data: readonly Float32Array<ArrayBuffer>[];
  /** Tensors of each bucket. */
  readonly #members: readonly number[];

  /** @param like the tensors, in the order in which parameters are */
  constructor(mpi: Mpi, like: readonly Like[]) {
    this.#mpi = mpi;
    this.#like = like.map(({ shape, size }) => ({ shape, size }));
    const slots: Slot[] = [], sizes: number[] = [], members: number[] = [];
    for (let k = like.length - 1; k >= 0; k--) {
      const { size } = like[k]!;
      if (sizes.length === 0 || sizes.at(-1)! + size > BUCKET) {
        sizes.push(0);
        members.push(0);
      }
      slots[k] = { bucket: sizes.length - 1, start: sizes.at(-1)! };
      sizes[sizes.length - 1]! += size;
      members[members.length - 1]! += 1;
    }
    this.#slots = slots;
    this.#members = members;
    // Behind the last one stands how many processes have each tensor.
    this.#data = [...sizes, like.length].map((size) => floats(size));
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#data.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Whether these are buckets for such tensors. */
  fits(like: readonly Like[]): boolean {
    return like.length === this.#like.length &&
      like.every(({ shape }, k) => tf.util.arraysEqual(shape, this.#like[k]!.shape));
  }

  /** A mean; the one before must have ended. */
  begin(): GradualMean {
    const left = [...this.#members], added = new Set<number>();
    const present = this.#data.at(-1)!.fill(0);
    const mpi = this.#mpi;
    // What is full and not on its way yet, and what is.
    const waiting: Float32Array<ArrayBuffer>[] = [];
    let full = 0, travelling: Request | undefined;
    const go = () => {
      if (travelling && !mpi.test(travelling)) return false;
      const next = waiting.shift();
      travelling = next && mpi.beginGradientSum(next);
      return travelling !== undefined;
    };
    const send = () => {
      for (; full < left.length && left[full] === 0; full++) waiting.push(...piecesOf(this.#data[full]!));
      go();
    };
    const add = (k: number, tensor: tf.Tensor | null) => {
      if (added.has(k)) throw new Error(`the tensor ${k} was added before`);
      added.add(k);
      const { bucket, start } = this.#slots[k]!, { size } = this.#like[k]!;
      if (tensor === null) this.#data[bucket]!.fill(0, start, start + size);
      else {
        this.#data[bucket]!.set(tensor.dataSync() as Float32Array, start);
        present[k] = 1;
      }
      left[bucket]! -= 1;
      send();
    };
    return {
      add,
      pump: () => void go(),
      end: () => {
        this.#like.forEach((_, k) => added.has(k) || add(k, null));
        waiting.push(present);
        while (travelling || go()) {
          mpi.wait(travelling!);
          go();
        }
        return this.#like.map((_, k) => present[k]! > 0 ? this.#mean(k) : null);
      },
    };
  }

  #mean(k: number): tf.Tensor {
    const { bucket, start } = this.#slots[k]!, { shape, size } = this.#like[k]!;
    // The quotient is a tensor of its own, so the bucket may be filled again.
    return tf.tidy(() => {
      const sum = tf.tensor(this.#data[bucket]!.subarray(start, start + size), [...shape]);
      return tf.div(sum, this.#mpi.size);
    });
  }
}

function piecesOf(bucket: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer>[] {
  return Array.from(
    { length: Math.ceil(bucket.length / PIECE) },
    (_, k) => bucket.subarray(k * PIECE, (k + 1) * PIECE),
  );
}
