import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { BeginTools } from "../core/plugin.ts";
import { kMeans } from "../ops/k_means.ts";
import { type Patch, patchGrid, patchHistograms } from "../ops/patch_modes.ts";

/** At most so many patches are clustered, the first ones; with 19 classes they take 61 MB. */
const MOST = 200_000;
const ITERATIONS = 100;

/** The patches that are clustered, and into how many clusters. */
export interface PatchClusters {
  readonly patch: Patch;
  readonly clusters: number;
  readonly numClasses: number;
}

/** How many whole patches images of this size hold, along each side. @throws UserError when they hold none */
export function wholeGrid(size: readonly [number, number], patch: Patch): [number, number] {
  const grid = patchGrid(size, patch);
  if (Math.min(...grid) > 0) return grid;
  throw new UserError(
    `a patch is ${patch.join("x")} pixels: expected a crop of at least as many, got ${size.join("x")}`,
  );
}

/**
 * The centres of the clusters of the source's patches, [clusters, 4 numClasses], by K-means. Patches without
 * a labelled pixel are left out. It reads each image of the source once at most, and notes how many patches
 * it clustered.
 * @throws UserError when the source has no labels, its images hold no patch, or there are fewer different
 * patches than clusters
 */
export async function clusterPatches(
  tools: BeginTools,
  { patch, clusters, numClasses }: PatchClusters,
): Promise<Float32Array> {
  const length = 4 * numClasses;
  const points: Float32Array[] = [];
  let count = 0;
  for await (const { labels, size } of tools.batches("source")) {
    if (!labels) throw new UserError("patches of the source are clustered by labels, and it has none");
    wholeGrid(size, patch);
    const histograms = tf.tidy(() => {
      const maps = tf.tensor3d(
        Int32Array.from(labels),
        [labels.length / (size[0] * size[1]), ...size],
        "int32",
      );
      return patchHistograms(maps, patch, numClasses);
    });
    const data = await histograms.data() as Float32Array;
    histograms.dispose();
    for (let at = 0; at < data.length && count < MOST; at += length) {
      const one = data.subarray(at, at + length);
      if (one.every((share) => share === 0)) continue;
      points.push(one);
      count++;
    }
    if (count === MOST) break;
  }
  const data = new Float32Array(count * length);
  points.forEach((one, k) => data.set(one, k * length));
  tools.note(`${count} patches of the source fall into ${clusters} clusters`);
  return kMeans({ data, length }, { clusters, random: tools.random, iterations: ITERATIONS });
}
