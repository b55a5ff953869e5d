/** K-means on the host: what its centres follow from. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../../core/random.ts";
import { kMeans } from "../../ops/k_means.ts";
import { normals } from "../contracts/differences.ts";

const clustered = (
  data: readonly number[],
  clusters: number,
  { seed = 1, length = 1, iterations = 100 } = {},
) => [
  ...kMeans({ data: Float32Array.from(data), length }, {
    clusters,
    random: Random.stream(seed, "k"),
    iterations,
  }),
];

Deno.test("kMeans: the same points and seed give the same centres", () => {
  const points = [...normals(60, 1, "points")];
  assert.deepEqual(clustered(points, 4, { length: 3 }), clustered(points, 4, { length: 3 }));
  assert.notDeepEqual(clustered(points, 4, { length: 3 }), clustered(points, 4, { length: 3, seed: 2 }));
});

Deno.test("kMeans: as many clusters as different points have one at each, however often a point comes", () => {
  for (let seed = 0; seed < 10; seed++) {
    const centres = clustered([5, 1, 1, 9, 5, 5, 1], 3, { seed });
    assert.deepEqual(centres.sort((a, b) => a - b), [1, 5, 9]);
    // So they are drawn: a point at which a centre lies is never drawn again.
    const drawn = clustered([5, 1, 1, 9, 5, 5, 1], 3, { seed, iterations: 0 });
    assert.deepEqual(drawn.sort((a, b) => a - b), [1, 5, 9]);
  }
});

Deno.test("kMeans: without an iteration centres are points, with one they are the means of their points", () => {
  const points = [0, 1, 2, 10, 11, 15];
  for (const centre of clustered(points, 2, { iterations: 0 })) assert.ok(points.includes(centre));
  assert.deepEqual(clustered(points, 2).sort((a, b) => a - b), [1, 12]);
  assert.deepEqual(clustered(points, 1), [6.5]);
});

Deno.test("kMeans ends where each centre is the mean of the points that are nearest to it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 8, max: 40 }),
      fc.nat(99),
      (clusters, count, seed) => {
        const points = normals(2 * count, seed, "points");
        const centres = clustered([...points], clusters, { length: 2, seed });
        const distance = (k: number, c: number) =>
          (points[2 * k]! - centres[2 * c]!) ** 2 + (points[2 * k + 1]! - centres[2 * c + 1]!) ** 2;
        const sums = Array.from({ length: clusters }, () => [0, 0, 0]);
        for (let k = 0; k < count; k++) {
          const all = Array.from({ length: clusters }, (_, c) => distance(k, c));
          const sum = sums[all.indexOf(Math.min(...all))]!;
          sum[0]! += points[2 * k]!;
          sum[1]! += points[2 * k + 1]!;
          sum[2]! += 1;
        }
        sums.forEach(([x, y, size], c) => {
          if (size === 0) return;
          assert.ok(
            Math.abs(x! / size! - centres[2 * c]!) < 1e-5 &&
              Math.abs(y! / size! - centres[2 * c + 1]!) < 1e-5,
          );
        });
      },
    ),
    { seed: 1, numRuns: 40 },
  );
});

Deno.test("kMeans: the first centres lie far apart, as K-means++ draws them", () => {
  // A point a thousand times as far away as the others are from each other is always taken.
  for (let seed = 0; seed < 30; seed++) {
    const centres = clustered([0, 1, 2, 3, 5000, 4, 5, 6, 7], 2, { seed, iterations: 0 });
    assert.ok(centres.includes(5000), `${centres}`);
  }
});
