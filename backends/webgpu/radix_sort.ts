/**
 * A radix sort of several rows of keys at once: stable, nothing read back, memory for the pairs twice.
 *
 * A GPU cannot sort by exchanging neighbours, but it can compute for each element where it belongs. One pass
 * sorts by one digit of 5 bits, in three dispatches. A row is cut into tiles of 1,024 elements. COUNT: each
 * tile counts how often each of the 32 digits occurs in it. SCAN: a running sum over the counts, ordered by
 * digit and then by tile, gives the place of each tile's first element with each digit. MOVE: each tile moves
 * its elements there, in their order. After six passes, from the lowest digit to the highest, all 30 bits are
 * sorted, because each pass keeps the order of equal digits.
 */
import * as tf from "@tensorflow/tfjs-core";
import { runShader } from "./shader.ts";

/** Keys are below 2^30. */
const KEY_BITS = 30;

const DIGIT_BITS = 5;
const DIGITS = 2 ** DIGIT_BITS;

/** Threads of a workgroup, which sorts a tile together. */
export const TILE_THREADS = 64;
/** Consecutive elements of a tile that one thread handles. */
export const TILE_RUN = 16;
const THREADS = TILE_THREADS;
const TILE = THREADS * TILE_RUN;

/**
 * WGSL: which tile a workgroup has: its number in all (`group`), its row, its number in the row (`tile`) and
 * its first element there. The shader needs a uniform `tiles`.
 */
export const TILE_PLACE = `
    let group = index / ${THREADS};
    let row = group / uniforms.tiles;
    let tile = group - row * uniforms.tiles;
    let first = tile * ${TILE};`;

/** Counts the digits of each tile. */
const COUNT = `
  var<workgroup> bins : array<atomic<i32>, ${DIGITS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    ${TILE_PLACE}
    let length = uniforms.pairsShape.z;
    if (t < ${DIGITS}) { atomicStore(&bins[t], 0); }
    workgroupBarrier();
    for (var k = t; k < ${TILE}; k = k + ${THREADS}) {
      if (first + k < length) {
        let digit = (pairs[row * length + first + k] >> u32(uniforms.shift)) & ${DIGITS - 1};
        atomicAdd(&bins[digit], 1);
      }
    }
    workgroupBarrier();
    if (t < ${DIGITS}) { result[(row * ${DIGITS} + t) * uniforms.tiles + tile] = atomicLoad(&bins[t]); }
  }`;

/**
 * The exclusive scan, one workgroup for every row: each thread sums a run, then writes it with what lies
 * before.
 */
const SCAN = `
  var<workgroup> totals : array<i32, ${THREADS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    let length = uniforms.countsShape.y;
    let run = (length + ${THREADS - 1}) / ${THREADS};
    let first = (index / ${THREADS}) * length;
    let start = first + min(length, t * run);
    let end = first + min(length, (t + 1) * run);
    var sum = 0;
    for (var k = start; k < end; k = k + 1) { sum = sum + counts[k]; }
    totals[t] = sum;
    workgroupBarrier();
    var before = 0;
    for (var other = 0; other < t; other = other + 1) { before = before + totals[other]; }
    for (var k = start; k < end; k = k + 1) {
      result[k] = before;
      before = before + counts[k];
    }
  }`;

/** Moves the pairs of each tile to their places. */
const MOVE = `
  // How often each thread of the tile has each digit, then how often threads before it have.
  var<workgroup> ranks : array<i32, ${DIGITS * THREADS}>;
  var<workgroup> halves : array<i32, ${THREADS}>;
  fn main(index : i32) {
    let t = i32(localId.x);
    ${TILE_PLACE}
    let length = uniforms.pairsShape.z;
    let pixels = uniforms.pairsShape.y * length;
    let start = row * length + min(length, first + t * ${TILE_RUN});
    let end = row * length + min(length, first + (t + 1) * ${TILE_RUN});
    for (var digit = 0; digit < ${DIGITS}; digit = digit + 1) { ranks[digit * ${THREADS} + t] = 0; }
    for (var k = start; k < end; k = k + 1) {
      let digit = (pairs[k] >> u32(uniforms.shift)) & ${DIGITS - 1};
      ranks[digit * ${THREADS} + t] = ranks[digit * ${THREADS} + t] + 1;
    }
    workgroupBarrier();
    // Two threads for every digit, each for half of the threads' counts.
    var before = 0;
    for (var k = t * ${DIGITS}; k < (t + 1) * ${DIGITS}; k = k + 1) {
      let count = ranks[k];
      ranks[k] = before;
      before = before + count;
    }
    halves[t] = before;
    workgroupBarrier();
    for (var k = start; k < end; k = k + 1) {
      let key = pairs[k];
      let digit = (key >> u32(uniforms.shift)) & ${DIGITS - 1};
      let at = digit * ${THREADS} + t;
      var place = places[(row * ${DIGITS} + digit) * uniforms.tiles + tile] + ranks[at];
      if (t >= ${THREADS / 2}) { place = place + halves[2 * digit]; }
      ranks[at] = ranks[at] + 1;
      result[row * length + place] = key;
      result[pixels + row * length + place] = pairs[pixels + k];
    }
  }`;

/** How many tiles a row of `length` elements has. */
export function tilesOf(length: number): number {
  return Math.ceil(length / TILE);
}

/**
 * The exclusive running sum of every row: each element becomes the sum of those before it. @param counts
 * int32 [R, L] @returns int32 [R, L]
 */
export function exclusiveScan(counts: tf.Tensor2D): tf.Tensor2D {
  return runShader(
    { name: "scan", code: SCAN, inputs: { counts } },
    { shape: counts.shape, dtype: "int32", workgroups: counts.shape[0], threads: THREADS },
  ) as tf.Tensor2D;
}

/**
 * Sorts the pairs of every row by their keys, ascending; pairs of equal keys keep their order.
 * @param pairs int32 [2, R, L]: keys in [0, 2^30), then the values that go with them; disposed
 * @returns int32 [2, R, L]
 */
export function sortPairs(pairs: tf.Tensor3D): tf.Tensor3D {
  const [, rows, length] = pairs.shape;
  const tiles = tilesOf(length);
  let sorted = pairs, spare: tf.Tensor3D | undefined;
  for (let shift = 0; shift < KEY_BITS; shift += DIGIT_BITS) {
    const uniforms = [
      { name: "tiles", type: "i32", value: tiles },
      { name: "shift", type: "i32", value: shift },
    ] as const;
    const workgroups = rows * tiles;
    const next = tf.tidy(() => {
      const counts = runShader(
        { name: "count_digits", code: COUNT, inputs: { pairs: sorted }, uniforms },
        { shape: [rows, DIGITS * tiles], dtype: "int32", workgroups, threads: THREADS },
      );
      const places = exclusiveScan(counts as tf.Tensor2D);
      return runShader(
        { name: "move_pairs", code: MOVE, inputs: { pairs: sorted, places }, uniforms },
        {
          shape: pairs.shape,
          dtype: "int32",
          workgroups,
          threads: THREADS,
          ...(spare ? { into: spare } : {}),
        },
      ) as tf.Tensor3D;
    });
    [sorted, spare] = [next, sorted];
  }
  spare?.dispose();
  return sorted;
}
