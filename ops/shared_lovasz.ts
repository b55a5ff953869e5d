/**
 * The Lovasz-Softmax loss of a batch whose images lie in several processes. A class needs the errors of all
 * pixels in one order, but classes need nothing of each other. So the classes are dealt out: each process is
 * sent its classes' probabilities of all pixels, sorts those, and sends everybody the slopes of his pixels
 * back. However many processes there are, each sends and receives about as many numbers as it has itself,
 * twice, and sorts about as many as it would alone; only the labels, a number a pixel, go to all.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { World } from "../core/world.ts";
import type { LovaszResult } from "./kernel_types.ts";
import { lovaszOfClasses } from "./lovasz_sort.ts";

/**
 * The loss over the pixels of all processes, the same in each; of the slope this one's part, as many times as
 * there are processes, since the mean over them is taken.
 * @param rows float32 [P, K], P and K the same in all processes @param ids int32 [P]; ids outside 0 .. K - 1
 * are ignored
 */
export function sharedLovasz(rows: tf.Tensor2D, ids: tf.Tensor1D, world: World): LovaszResult {
  const [pixels, classes] = rows.shape;
  const firsts = Array.from(
    { length: world.size + 1 },
    (_, rank) => Math.floor(rank * classes / world.size),
  );
  const rangeOf = (rank: number) => ({ from: firsts[rank]!, to: firsts[rank + 1]! });
  const ranks = firsts.slice(1).map((_, rank) => rank);
  const mine = rangeOf(world.rank), lengths = ranks.map(() => pixels * (mine.to - mine.from));

  const labels = Int32Array.from(world.joined(tf.cast(ids, "float32")).dataSync());
  const probabilities = rows.dataSync() as Float32Array;
  const ofMine = world.swapped(
    ranks.map((rank) => columnsOf(probabilities, { ...rangeOf(rank), pixels, classes })),
    lengths,
  );
  const { loss, gradient } = lovaszOfClasses(ofMine, { labels, classes, ...mine });
  const [whole] = world.sums(Float64Array.of(loss));

  const slopes = new Float32Array(pixels * classes);
  let at = 0;
  const cut = lengths.map((length) => gradient.subarray(at, at += length));
  const back = world.swapped(cut, ranks.map((rank) => pixels * (rangeOf(rank).to - rangeOf(rank).from)));
  at = 0;
  for (const rank of ranks) {
    const { from, to } = rangeOf(rank);
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = from; c < to; c++) slopes[pixel * classes + c] = world.size * back[at++]!;
    }
  }
  return { loss: tf.scalar(whole!), gradient: tf.tensor2d(slopes, [pixels, classes]) };
}

interface Columns {
  readonly pixels: number;
  readonly classes: number;
  readonly from: number;
  readonly to: number;
}

/** [P, K] to [P, to - from]. */
function columnsOf(rows: Float32Array, { pixels, classes, from, to }: Columns): Float32Array {
  const columns = new Float32Array(pixels * (to - from));
  let at = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let c = from; c < to; c++) columns[at++] = rows[pixel * classes + c]!;
  }
  return columns;
}
