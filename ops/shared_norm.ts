/**
 * Statistics of a batch whose images lie in several processes, each of which has an equal part of every part
 * of the batch.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { World } from "../core/world.ts";
import type { BatchStatistics, SharedNorm } from "./kernel_types.ts";

/** How kernels ask for what other processes have; undefined where there are none. */
export function sharedNorm(world: World | undefined): SharedNorm | undefined {
  if (world === undefined || world.size === 1) return undefined;
  return {
    statistics: (own) => sharedStatistics(own, world),
    means: (own) => world.sums(own).map((sum) => sum / world.size),
  };
}

/** Means and mean squares of all; the difference loses nothing, since both are added in double precision. */
function sharedStatistics(own: readonly BatchStatistics[], world: World): BatchStatistics[] {
  const numbers = own.map(({ mean, variance }) => ({ mean: mean.dataSync(), variance: variance.dataSync() }));
  const sums = world.sums(Float64Array.from(numbers.flatMap(({ mean, variance }) => [
    ...mean,
    ...variance.map((value, c) => value + mean[c]! ** 2),
  ])));
  let at = 0;
  const next = (length: number) => sums.subarray(at, at += length).map((sum) => sum / world.size);
  return numbers.map(({ mean: { length } }) => {
    const mean = next(length), squares = next(length);
    const variance = squares.map((square, c) => Math.max(0, square - mean[c]! ** 2));
    return { mean: tf.tensor1d(Float32Array.from(mean)), variance: tf.tensor1d(Float32Array.from(variance)) };
  });
}
