/**
 * K-means on the host, of some hundred thousand points at most, once before training. It draws from the
 * generator that it is given, in a fixed order, so the centres follow from the seed.
 */
import { UserError } from "../core/errors.ts";
import type { Random } from "../core/random.ts";

/** The points that are clustered: data.length / length of them. */
export interface Points {
  /** The points one after the other. */
  readonly data: Float32Array;
  /** How many numbers a point has. */
  readonly length: number;
}

/** How many centres are sought, and how long. */
export interface KMeansOptions {
  readonly clusters: number;
  readonly random: Random;
  /** At most so many rounds of assigning points and moving centres. */
  readonly iterations: number;
}

/**
 * Centres of clusters, [clusters, length], one after the other. They begin by K-means++ (Arthur and
 * Vassilvitskii 2007): each next centre is a point drawn in proportion to its squared distance from the
 * nearest centre so far. Then they move to the means of their points until no point changes its centre. A
 * centre that loses all its points stays where it is; of equally near centres the first takes the point.
 * @throws UserError when there are fewer different points than clusters
 */
export function kMeans(
  { data, length }: Points,
  { clusters, random, iterations }: KMeansOptions,
): Float32Array {
  const count = data.length / length;
  const point = (k: number) => data.subarray(k * length, (k + 1) * length);
  const centres = new Float32Array(clusters * length);
  const centre = (k: number) => centres.subarray(k * length, (k + 1) * length);
  const nearest = new Float64Array(count).fill(Infinity);
  for (let k = 0; k < clusters; k++) {
    const chosen = k === 0 ? (count === 0 ? -1 : random.integer(0, count - 1)) : drawn(nearest, random);
    if (chosen < 0) {
      throw new UserError(
        `there are ${k} different patches, expected at least ${clusters}, one for each cluster`,
      );
    }
    centre(k).set(point(chosen));
    for (let one = 0; one < count; one++) {
      nearest[one] = Math.min(nearest[one]!, distance(point(one), centre(k)));
    }
  }
  const assigned = new Int32Array(count).fill(-1);
  for (let round = 0; round < iterations; round++) {
    let moved = 0;
    const sums = new Float64Array(centres.length), sizes = new Int32Array(clusters);
    for (let one = 0; one < count; one++) {
      const values = point(one);
      let best = 0, least = Infinity;
      for (let k = 0; k < clusters; k++) {
        const far = distance(values, centre(k));
        if (far < least) [best, least] = [k, far];
      }
      if (assigned[one] !== best) moved++;
      assigned[one] = best;
      sizes[best]!++;
      for (let at = 0; at < length; at++) sums[best * length + at]! += values[at]!;
    }
    if (moved === 0) break;
    for (let k = 0; k < clusters; k++) {
      if (sizes[k] === 0) continue;
      for (let at = 0; at < length; at++) centres[k * length + at] = sums[k * length + at]! / sizes[k]!;
    }
  }
  return centres;
}

/** An index, drawn in proportion to the weights; -1 when all are zero. */
function drawn(weights: Float64Array, random: Random): number {
  const whole = weights.reduce((a, b) => a + b, 0);
  if (whole === 0) return -1;
  let left = random.next() * whole;
  let last = -1;
  for (let k = 0; k < weights.length; k++) {
    if (weights[k] === 0) continue;
    last = k;
    left -= weights[k]!;
    if (left < 0) break;
  }
  return last;
}

/** The squared Euclidean distance. */
function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum;
}
