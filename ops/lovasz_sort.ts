/**
 * The Lovasz extension (lovasz.ts) by a radix sort in plain TypeScript, for backends whose tensors can be
 * read at once. The sort dominates: K classes of a million pixels each. Errors are not negative, and the bits
 * of floats that are not negative sort like the numbers, so three passes over 11 bits each sort them without
 * a comparison.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LovaszResult } from "./kernel_types.ts";

const BITS = 11;
const BUCKETS = 1 << BITS;

/** See {@linkcode Kernels.lovasz}. @param probabilities float32 [P, K] @param labels int32 [P] */
export function sortedLovasz(probabilities: tf.Tensor2D, labels: tf.Tensor1D): LovaszResult {
  const [pixels, classes] = probabilities.shape;
  const { loss, gradient } = lovaszOfClasses(probabilities.dataSync() as Float32Array, {
    labels: labels.dataSync() as Int32Array,
    classes,
    from: 0,
    to: classes,
  });
  return { loss: tf.scalar(loss), gradient: tf.tensor2d(gradient, [pixels, classes]) };
}

/** Which classes are looked at, and what is known of all pixels. */
export interface ClassShare {
  /** int32 [P]; ids outside 0 .. classes - 1 are ignored. */
  readonly labels: Int32Array;
  /** K, how many there are. */
  readonly classes: number;
  /** The first one that is looked at, and the first after it that is not. */
  readonly from: number;
  readonly to: number;
}

/** What some classes add to the loss. */
export interface LovaszShare {
  /** The sum of their Lovasz extensions by the number of classes that occur in the labels, all K counted. */
  readonly loss: number;
  /** float32 [P, to - from]. */
  readonly gradient: Float32Array<ArrayBuffer>;
}

/** @param probabilities float32 [P, to - from], of the classes that are looked at; no pixels give 0 */
export function lovaszOfClasses(
  probabilities: Float32Array,
  { labels, classes, from, to }: ClassShare,
): LovaszShare {
  const pixels = labels.length, columns = to - from;
  const counts = new Uint32Array(classes);
  const valid = new Uint32Array(pixels);
  let size = 0;
  for (let k = 0; k < pixels; k++) {
    const label = labels[k]!;
    if (label < 0 || label >= classes) continue;
    counts[label]!++;
    valid[size++] = k;
  }
  const present = counts.reduce((sum, count) => sum + Number(count > 0), 0);
  const gradient = new Float32Array(pixels * columns);
  const errors = new Float32Array(size);
  const sort = sorter(size);
  let loss = 0;
  for (let column = 0; column < columns; column++) {
    const c = from + column, members = counts[c]!;
    if (members === 0) continue;
    for (let k = 0; k < size; k++) {
      const pixel = valid[k]!;
      const value = probabilities[pixel * columns + column]!;
      errors[k] = Math.abs(labels[pixel] === c ? 1 - value : value);
    }
    const order = sort(errors);
    let seen = 0, before = 0;
    for (let rank = size - 1; rank >= 0; rank--) {
      const k = order[rank]!;
      const pixel = valid[k]!;
      const isMember = labels[pixel] === c;
      if (isMember) seen++;
      const others = size - rank - seen;
      const jaccard = 1 - (members - seen) / (members + others);
      const weight = (jaccard - before) / present;
      before = jaccard;
      loss += errors[k]! * weight;
      gradient[pixel * columns + column] = isMember ? -weight : weight;
    }
  }
  return { loss, gradient };
}

/**
 * A function that sorts `size` floats that are not negative: it returns their indices in ascending order of
 * the values. The result is overwritten by the next call.
 */
function sorter(size: number): (values: Float32Array) => Uint32Array {
  let keys = new Uint32Array(size), nextKeys = new Uint32Array(size);
  let order = new Uint32Array(size), nextOrder = new Uint32Array(size);
  const starts = new Uint32Array(BUCKETS);
  return (values) => {
    // The bits of non-negative floats sort like the floats.
    keys.set(new Uint32Array(values.buffer, values.byteOffset, size));
    for (let k = 0; k < size; k++) order[k] = k;
    for (let shift = 0; shift < 32; shift += BITS) {
      starts.fill(0);
      for (let k = 0; k < size; k++) starts[(keys[k]! >>> shift) & (BUCKETS - 1)]!++;
      let total = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const count = starts[bucket]!;
        starts[bucket] = total;
        total += count;
      }
      for (let k = 0; k < size; k++) {
        const place = starts[(keys[k]! >>> shift) & (BUCKETS - 1)]!++;
        nextKeys[place] = keys[k]!;
        nextOrder[place] = order[k]!;
      }
      [keys, nextKeys] = [nextKeys, keys];
      [order, nextOrder] = [nextOrder, order];
    }
    return order;
  };
}
