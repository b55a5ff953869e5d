/** Crops that are drawn again until they hold what they shall. */
import assert from "node:assert/strict";
import type { CropCriteria } from "../../core/plan.ts";
import { trainLoader, type TrainLoaderOptions } from "../../datasets/loader.ts";
import { chosenPlace, type Held } from "../../datasets/transforms/chosen_place.ts";
import { windowAt } from "../../datasets/transforms/sample.ts";

const IGNORE = 255, SIDE = 40, CROP = [8, 8] as const;

/** Everywhere 0, but a square of 1 at the top left, a column of 2 at the right and ignored rows at the bottom. */
const labels = Uint8Array.from({ length: SIDE * SIDE }, (_, k) => {
  const x = k % SIDE, y = Math.floor(k / SIDE);
  return y >= 36 ? IGNORE : x < 6 && y < 6 ? 1 : x >= 38 ? 2 : 0;
});
const sample = { id: "a", width: SIDE, height: SIDE, image: new Uint8Array(3 * SIDE * SIDE), labels };

const ANY: CropCriteria = { tries: 1, mostShare: 1, leastClasses: 0, leastShare: 0 };

function countsOf(place: readonly [number, number]): number[] {
  const { top, left } = windowAt(sample, { size: CROP, place });
  const counts = new Array<number>(256).fill(0);
  for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) counts[labels[(top + y) * SIDE + left + x]!]!++;
  return counts;
}

function chosen(again: number, more: { criteria?: CropCriteria; holds?: Held }) {
  const place = [0.5, 0.5] as const;
  const wanted = {
    size: sample,
    crop: CROP,
    place,
    again,
    ignoreLabel: IGNORE,
    holds: undefined,
    criteria: undefined,
  };
  return chosenPlace(sample, { ...wanted, ...more });
}

const SEEDS = Array.from({ length: 200 }, (_, k) => k);

Deno.test("a crop is drawn until it has more pixels of the class than asked for, or tries are over", () => {
  const found = (tries: number) =>
    SEEDS.filter((seed) => countsOf(chosen(seed, { holds: { id: 2, pixels: 7, tries } }))[2]! > 7).length;
  // The first crop, in the middle, has none; about one of 33 others has.
  assert.equal(found(1), 0);
  assert.ok(found(2) < found(10) && found(10) < found(100), `${[found(2), found(10), found(100)]}`);
  assert.ok(found(100) > 180);
  const seed = 5, holds = { id: 2, pixels: 7, tries: 100 };
  assert.deepEqual(chosen(seed, { holds }), chosen(seed, { holds }));
});

Deno.test("no class may have more than its share of the labelled pixels, and some must have theirs", () => {
  const most = { ...ANY, tries: 100, mostShare: 0.75 };
  for (const seed of SEEDS) {
    const counts = countsOf(chosen(seed, { criteria: most }));
    const known = counts.slice(0, IGNORE), sum = known.reduce((a, b) => a + b);
    // Where nothing was found the last crop is taken.
    if (Math.max(...known) / sum >= 0.75) continue;
    assert.ok(known.filter((count) => count > 0).length > 1);
  }
  const good = SEEDS.filter((seed) => {
    const counts = countsOf(
      chosen(seed, { criteria: { ...ANY, tries: 100, leastClasses: 2, leastShare: 0.02 } }),
    );
    // Ignored pixels are no class; 2 % of 64 pixels are 1.28.
    return counts.slice(0, IGNORE).filter((count) => count > 1.28).length >= 2;
  });
  assert.ok(good.length > 195, `${good.length}`);
  assert.deepEqual(chosen(1, {}), [0.5, 0.5]);
});

Deno.test("with both, criteria are met first: as many crops again for each try at the class", () => {
  // No crop has three classes: 300 crops are tried and the last one taken.
  const criteria = { ...ANY, tries: 100, leastClasses: 3, leastShare: 0 };
  const holds = { id: 1, pixels: 3, tries: 3 };
  assert.deepEqual(chosen(1, { criteria, holds }), chosen(1, { criteria: { ...criteria, tries: 300 } }));
});

Deno.test("a loader's sequence of images and flips is the same with criteria as without; a run that goes on sees the same crops", async () => {
  const dataset = { length: 3, read: (index: number) => Promise.resolve({ ...sample, id: `${index}` }) };
  const options: TrainLoaderOptions = {
    transforms: { crop: CROP, flip: true, criteria: { ...ANY, tries: 20, mostShare: 0.8 } },
    normalization: { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] },
    batch: 2,
    seed: 1,
    stream: "source",
    labels: true,
    ignoreLabel: IGNORE,
    draw: (random) => ({ index: random.integer(0, 2), holds: { id: 2, pixels: 3, tries: 5 } }),
  };
  const batches = async (more: Partial<TrainLoaderOptions>, count: number) => {
    const loader = trainLoader(dataset, { ...options, ...more });
    const all = [];
    for (let k = 0; k < count; k++) all.push(await loader.next());
    loader.close();
    return all;
  };
  const whole = await batches({}, 8);
  assert.deepEqual(await batches({ skip: 5 }, 3), whole.slice(5));
  const { criteria: _, ...plain } = options.transforms;
  const without = await batches(
    { transforms: plain, draw: (random) => ({ index: random.integer(0, 2) }) },
    8,
  );
  assert.deepEqual(without.map(({ ids }) => ids), whole.map(({ ids }) => ids));
  const held = (all: typeof whole) =>
    all.filter(({ labels }) => labels!.filter((id) => id === 2).length > 3).length;
  assert.ok(held(whole) > held(without), `${held(whole)} and ${held(without)}`);
  // Without labels, as the target is read, nothing can be asked of a crop.
  const target = await batches({ labels: false }, 2);
  assert.ok(target.every(({ labels }) => labels === undefined));
});
