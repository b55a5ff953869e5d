/** When it is said that crops are larger than their images. */
import assert from "node:assert/strict";
import { trainLoader } from "../../datasets/loader.ts";
import type { Batches } from "../../train/context.ts";
import { PaddingWatch } from "../../train/padding_watch.ts";

/** The first batch of images of 20x10 pixels. */
async function firstBatch(crop: readonly [number, number]) {
  const image = new Uint8Array(3 * 20 * 10);
  const read = (index: number) => Promise.resolve({ width: 20, height: 10, image, id: `${index}` });
  const loader = trainLoader({ length: 2, read }, {
    transforms: { crop, flip: false },
    normalization: { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] },
    batch: 2,
    seed: 1,
    stream: "target",
    labels: false,
    ignoreLabel: 255,
  });
  const batch = await loader.next();
  loader.close();
  return batch;
}

Deno.test("a batch tells its share of padding, and none where crops lie in their images", async () => {
  assert.equal((await firstBatch([10, 20])).padding, undefined);
  assert.equal((await firstBatch([4, 9])).padding, undefined);
  assert.equal((await firstBatch([20, 20])).padding, 0.5);
  assert.equal((await firstBatch([10, 25])).padding, 1 - 20 / 25);
  assert.equal((await firstBatch([5, 40])).padding, 0.5);
});

Deno.test("crops that are padding to a fifth and more are told once, by stream", async () => {
  const [none, much] = [await firstBatch([10, 20]), await firstBatch([20, 40])];
  const watch = new PaddingWatch();
  const some = { ...none, padding: 0.19 };
  assert.deepEqual(watch.see({ source: none, target: much, third: some } as Batches), [
    "75.0 % of the first crops of target are padding, since its images are smaller than input.crop, 40x20 pixels; " +
    "a smaller crop takes less time and memory",
  ]);
  assert.deepEqual(watch.see({ source: much, target: much, third: much } as Batches), []);
});
