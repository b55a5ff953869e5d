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
    means: (own) => {
      const sums = world.beginSums(own);
      return () => sums().map((sum) => sum / world.size);
    },
  };
}

/** Means and mean squares of all; the difference loses nothing, since both are added in double precision. */
function sharedStatistics(own: BatchStatistics, world: World): () => BatchStatistics {
  const mean = own.mean.dataSync(), variance = own.variance.dataSync();
  const numbers = [...mean, ...variance.map((value, c) => value + mean[c]! ** 2)];
  const sums = world.beginSums(Float64Array.from(numbers));
  return () => {
    const all = sums().map((sum) => sum / world.size);
    const mean = all.subarray(0, all.length / 2), squares = all.subarray(all.length / 2);
    const variance = squares.map((square, c) => Math.max(0, square - mean[c]! ** 2));
    return { mean: tf.tensor1d(Float32Array.from(mean)), variance: tf.tensor1d(Float32Array.from(variance)) };
  };
}
