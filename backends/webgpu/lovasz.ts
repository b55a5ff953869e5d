/**
 * The Lovasz extension of the Jaccard loss on the device (ops/lovasz.ts has the equation). For each class,
 * pixels are sorted by their errors; a pixel's gradient then depends on how many pixels of the class, and how
 * many others, come before it. In order:
 *
 * - count the pixels of each class;
 * - for some classes at a time, as many as 32 MB of pairs hold: make pairs (error as an integer key, pixel),
 *   sort them (radix_sort.ts), count the class's own pixels in each tile of the sorted list, scan the counts,
 *   and write the gradients;
 * - the loss is the sum of gradient times error.
 *
 * With m pixels of the class, and o others among the pixels down to some rank, the Jaccard loss rises there
 * by 1 / (m + o) at a pixel of the class and by (m - s) / ((m + o) (m + o - 1)) at another, s being the
 * pixels of the class so far. Written so, no digits are lost; as a difference of two nearly equal losses they
 * would be.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, LovaszResult } from "../../ops/kernel_types.ts";
import { exclusiveScan, sortPairs, TILE_PLACE, TILE_RUN, TILE_THREADS, tilesOf } from "./radix_sort.ts";
import { runShader, THREADS } from "./shader.ts";

/** Bytes of the pairs that are sorted at once. */
const SORTED_BYTES = 2 ** 25;
const PAIR_BYTES = 8;
/** So many workgroups share the counting of a class's pixels, and the sum of the loss. */
const PARTS = 64;

/** WGSL: a sum over `total` elements for each row, by PARTS workgroups that leave one partial sum each. */
const partialSum = (type: string, term: string) => `
  var<workgroup> numbers : array<${type}, ${THREADS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    let group = index / ${THREADS};
    let row = group / ${PARTS};
    let length = uniforms.total;
    var sum = ${type}(0);
    for (var k = (group - row * ${PARTS}) * ${THREADS} + t; k < length; k = k + ${PARTS * THREADS}) {
      sum = sum + ${term};
    }
    numbers[t] = sum;
    workgroupBarrier();
    for (var step = ${THREADS / 2}; step > 0; step = step / 2) {
      if (t < step) { numbers[t] = numbers[t] + numbers[t + step]; }
      workgroupBarrier();
    }
    if (t == 0) { result[group] = numbers[0]; }
  }`;

const COUNT_LABELS = partialSum("i32", "select(0, 1, labels[k] == row)");

/** The loss: gradient times error, over all pixels and classes. */
const VALUE = `
  fn slopeTimesError(k : i32) -> f32 {
    // Without this, a NaN at an ignored pixel would spread: 0 times NaN is NaN.
    if (slope[k] == 0.0) { return 0.0; }
    let classes = uniforms.pShape.y;
    let pixel = k / classes;
    let own = select(0.0, 1.0, labels[pixel] == k - pixel * classes);
    return slope[k] * (p[k] - own);
  }
  ${partialSum("f32", "slopeTimesError(k)")}`;

/**
 * Makes the pairs. The bits of floats that are not negative sort like the floats, so an error's bits are its
 * key, raised by 1; ignored pixels get the key 0 and come first in ascending order.
 */
const PAIRS = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let pixels = uniforms.outShape.z;
    let count = uniforms.outShape.y * pixels;
    let place = index % count;
    let row = place / pixels;
    let pixel = place - row * pixels;
    if (index >= count) {
      result[index] = pixel;
      return;
    }
    let classes = uniforms.pShape.y;
    let class_ = uniforms.firstClass + row;
    let label = labels[pixel];
    if (label < 0 || label >= classes) {
      result[index] = 0;
      return;
    }
    let own = select(0.0, 1.0, label == class_);
    let error = bitcast<i32>(own - p[pixel * classes + class_]) & 0x7fffffff;
    result[index] = min(error, 0x3ffffffe) + 1;
  }`;

/**
 * WGSL: the sorted list from its end, so that the largest errors come first. `at`: where its k-th pair lies.
 */
const DESCENDING = `
  fn at(row : i32, k : i32) -> i32 {
    return (row + 1) * uniforms.pairsShape.z - 1 - k;
  }
  fn isOwn(row : i32, k : i32) -> bool {
    let pixel = pairs[uniforms.pairsShape.y * uniforms.pairsShape.z + at(row, k)];
    return labels[pixel] == uniforms.firstClass + row;
  }`;

/** How many pixels of the class each tile of the descending list holds. */
const COUNT_OWN = `${DESCENDING}
  var<workgroup> own : array<i32, ${TILE_THREADS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    ${TILE_PLACE}
    let end = min(uniforms.pairsShape.z, first + (t + 1) * ${TILE_RUN});
    var count = 0;
    for (var k = first + t * ${TILE_RUN}; k < end; k = k + 1) {
      if (isOwn(row, k)) { count = count + 1; }
    }
    own[t] = count;
    workgroupBarrier();
    if (t == 0) {
      var sum = 0;
      for (var other = 0; other < ${TILE_THREADS}; other = other + 1) { sum = sum + own[other]; }
      result[group] = sum;
    }
  }`;

/**
 * Writes the gradients of a tile. Each thread goes through a run of pairs, and knows how many of the class
 * came before it.
 */
const SLOPES = `${DESCENDING}
  var<workgroup> own : array<i32, ${TILE_THREADS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    ${TILE_PLACE}
    let length = uniforms.pairsShape.z;
    let start = first + t * ${TILE_RUN};
    let end = min(length, start + ${TILE_RUN});
    var count = 0;
    for (var k = start; k < end; k = k + 1) {
      if (isOwn(row, k)) { count = count + 1; }
    }
    own[t] = count;
    workgroupBarrier();
    var seen = before[group];
    for (var other = 0; other < t; other = other + 1) { seen = seen + own[other]; }

    let class_ = uniforms.firstClass + row;
    let share = shares[class_];
    let members = members_[class_];
    for (var k = start; k < end; k = k + 1) {
      let pixel = pairs[uniforms.pairsShape.y * length + at(row, k)];
      // Once all pixels of the class are seen the loss does not rise any more. Ignored pixels, which come
      // last, get 0.
      var slope = 0.0;
      if (isOwn(row, k)) {
        slope = -share / f32(members + k - seen);
        seen = seen + 1;
      } else if (seen < members) {
        let united = f32(members + k - seen + 1);
        slope = share * f32(members - seen) / united / (united - 1.0);
      }
      result[pixel * uniforms.outShape.y + class_] = slope;
    }
  }`;

/**
 * The kernel that sorts as many classes at once as `sortedBytes` hold, but at least one; tests use small
 * groups.
 */
export function lovaszInGroups(sortedBytes: number): Kernels["lovasz"] {
  return (p, labels) =>
    tf.tidy(() => {
      const [pixels, classes] = p.shape;
      const members = sumOfParts(
        { name: "count_labels", code: COUNT_LABELS, inputs: { labels } },
        { rows: classes, length: pixels, dtype: "int32" },
      );
      const present = tf.cast(tf.greater(members, 0), "float32");
      const shares = tf.div(present, tf.maximum(tf.sum(present), 1));
      const gradient = tf.fill(p.shape, 0) as tf.Tensor2D;
      const together = Math.max(1, Math.floor(sortedBytes / (PAIR_BYTES * pixels)));
      for (let first = 0; first < classes; first += together) {
        const rows = Math.min(together, classes - first);
        tf.tidy(() => writeSlopes({ p, labels, members, shares, gradient }, { first, rows }));
      }
      const value = sumOfParts(
        { name: "lovasz_value", code: VALUE, inputs: { p, labels, slope: gradient } },
        { rows: 1, length: p.size, dtype: "float32" },
      );
      return { loss: tf.reshape(value, []) as tf.Scalar, gradient };
    }) as unknown as LovaszResult;
}

/**
 * See {@linkcode Kernels.lovasz}. Pixels with equal errors may come in any order. @param bindingBytes most
 * bytes of one tensor
 */
export function radixLovasz(bindingBytes: number): Kernels["lovasz"] {
  return lovaszInGroups(Math.min(SORTED_BYTES, bindingBytes));
}

/** Runs a `partialSum` and adds up its partial sums. @returns [rows] */
function sumOfParts(
  shader: Parameters<typeof runShader>[0],
  { rows, length, dtype }: {
    readonly rows: number;
    readonly length: number;
    readonly dtype: "float32" | "int32";
  },
): tf.Tensor1D {
  const uniforms = [{ name: "total", type: "i32", value: length }] as const;
  const shape = [rows, PARTS];
  const parts = runShader({ ...shader, uniforms }, { shape, dtype, workgroups: rows * PARTS });
  return tf.sum(parts, 1) as tf.Tensor1D;
}

/** What the gradients of a class depend on. */
interface Slopes {
  readonly p: tf.Tensor2D;
  readonly labels: tf.Tensor1D;
  /** int32 [K]: pixels of each class. */
  readonly members: tf.Tensor1D;
  /** float32 [K]: the weight of each class in the mean, 0 for an absent one. */
  readonly shares: tf.Tensor;
  /** [P, K], written to. */
  readonly gradient: tf.Tensor2D;
}

/** Writes the gradients of `rows` classes from `first` on into their columns. */
function writeSlopes(
  { p, labels, members, shares, gradient }: Slopes,
  { first, rows }: { readonly first: number; readonly rows: number },
): void {
  const pixels = p.shape[0], tiles = tilesOf(pixels);
  const firstClass = { name: "firstClass", type: "i32", value: first } as const;
  const uniforms = [{ name: "tiles", type: "i32", value: tiles }, firstClass] as const;
  const workgroups = { workgroups: rows * tiles, threads: TILE_THREADS };
  const pairs = sortPairs(
    runShader(
      { name: "lovasz_pairs", code: PAIRS, inputs: { p, labels }, uniforms: [firstClass] },
      { shape: [2, rows, pixels], dtype: "int32" },
    ) as tf.Tensor3D,
  );
  const counts = runShader(
    { name: "lovasz_own", code: COUNT_OWN, inputs: { pairs, labels }, uniforms },
    { shape: [rows, tiles], dtype: "int32", ...workgroups },
  );
  const before = exclusiveScan(counts as tf.Tensor2D);
  const inputs = { pairs, labels, before, shares, members_: members };
  runShader(
    { name: "lovasz_slopes", code: SLOPES, inputs, uniforms },
    { shape: gradient.shape, into: gradient, ...workgroups },
  );
}
