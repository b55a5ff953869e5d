import assert from "node:assert/strict";
import { DataError, UserError } from "../../core/errors.ts";
import type { EvaluationPlan, Normalization } from "../../core/plan.ts";
import type { Dataset, Sample } from "../../core/plugin.ts";
import { evaluationImages } from "../../datasets/evaluation.ts";
import { batchLookup, trainLoader, type TrainLoaderOptions } from "../../datasets/loader.ts";

const normalization: Normalization = { order: "rgb", scale: 1, mean: [10, 20, 30], deviation: [1, 1, 1] };
const base: TrainLoaderOptions = {
  transforms: { crop: [4, 6], flip: true, shortSide: [4, 9] },
  normalization,
  batch: 3,
  seed: 1,
  stream: "source",
  labels: true,
  ignoreLabel: 255,
};

/** Images of one colour and label; `reads` remembers what was asked. */
function memoryDataset(length: number, delay: (index: number) => Promise<unknown> = () => Promise.resolve()) {
  const reads: { index: number; labels: boolean }[] = [];
  const dataset: Dataset = {
    length,
    async read(index, { labels }): Promise<Sample> {
      reads.push({ index, labels });
      await delay(index);
      const [width, height] = [8, 6];
      const image = Uint8Array.from({ length: width * height * 3 }, (_, k) => (index * 31 + k) % 256);
      const ids = new Uint8Array(width * height).map((_, k) => k % 7);
      return { id: `${index}`, width, height, image, ...(labels ? { labels: ids } : {}) };
    },
  };
  return { dataset, reads };
}

async function take(dataset: Dataset, count: number, options: Partial<TrainLoaderOptions> = {}) {
  const loader = trainLoader(dataset, { ...base, ...options });
  const batches = [];
  for (let k = 0; k < count; k++) batches.push(await loader.next());
  loader.close();
  return batches;
}

Deno.test("a batch has the promised shapes", async () => {
  const [batch] = await take(memoryDataset(5).dataset, 1);
  assert.equal(batch!.ids.length, 3);
  assert.deepEqual(batch!.size, [4, 6]);
  assert.equal(batch!.images.length, 3 * 4 * 6 * 3);
  assert.equal(batch!.labels!.length, 3 * 4 * 6);
});

Deno.test("each epoch shows every image once, in another order", async () => {
  const ids = (await take(memoryDataset(6).dataset, 6)).flatMap((batch) => batch.ids);
  const epochs = [ids.slice(0, 6), ids.slice(6, 12), ids.slice(12, 18)];
  for (const epoch of epochs) assert.deepEqual([...epoch].sort(), ["0", "1", "2", "3", "4", "5"]);
  assert.equal(new Set(epochs.map(String)).size, 3);
});

Deno.test("a dataset smaller than the batch is repeated", async () => {
  const [batch] = await take(memoryDataset(1).dataset, 1);
  assert.deepEqual(batch!.ids, ["0", "0", "0"]);
});

Deno.test("the sequence depends on seed and stream, not on when files arrive", async () => {
  const slow = memoryDataset(5, (index) => new Promise((done) => setTimeout(done, (7 * (5 - index)) % 11)));
  const expected = await take(memoryDataset(5).dataset, 4);
  assert.deepEqual(await take(slow.dataset, 4), expected);
  assert.deepEqual(await take(memoryDataset(5).dataset, 4, { cacheBytes: 0 }), expected);
  assert.notDeepEqual(await take(memoryDataset(5).dataset, 4, { seed: 2 }), expected);
  assert.notDeepEqual(await take(memoryDataset(5).dataset, 4, { stream: "target" }), expected);
});

Deno.test("without labels none are asked for and none come", async () => {
  const { dataset, reads } = memoryDataset(3);
  const [batch] = await take(dataset, 1, { labels: false });
  assert.equal("labels" in batch!, false);
  assert.ok(reads.length > 0 && reads.every(({ labels }) => !labels));
});

Deno.test("a source image without labels is refused by name", async () => {
  const { dataset } = memoryDataset(1);
  const bare = { ...dataset, read: (index: number) => dataset.read(index, { labels: false }) };
  await assert.rejects(take(bare, 1), {
    name: "DataError",
    message: "0: has no labels; training on a source needs them",
  });
});

Deno.test("two batches are read before anyone asks, and no more", async () => {
  const { dataset, reads } = memoryDataset(50);
  const loader = trainLoader(dataset, base);
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  assert.equal(reads.length, 6);
  await loader.next();
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  assert.equal(reads.length, 9);
  loader.close();
});

Deno.test("small datasets are read once, large ones within the cache's bytes", async () => {
  const small = memoryDataset(4);
  await take(small.dataset, 8);
  assert.equal(small.reads.length, 4);
  const none = memoryDataset(4);
  await take(none.dataset, 8, { cacheBytes: 0 });
  assert.ok(none.reads.length >= 24);
});

Deno.test("crops larger than the image are padded with zero and the ignore label", async () => {
  const transforms = { crop: [7, 8], flip: false } as const;
  const [batch] = await take(memoryDataset(1).dataset, 1, { transforms, batch: 1 });
  assert.deepEqual([...batch!.labels!.subarray(48)], new Array(8).fill(255));
  assert.ok(batch!.images.subarray(48 * 3).every((value) => value === 0));
  assert.ok(batch!.labels!.subarray(0, 48).every((id) => id < 7));
});

Deno.test("a fixed short side gives what a random one of the same size gives", async () => {
  const at = (shortSide: [number, number]) =>
    take(memoryDataset(2).dataset, 2, { transforms: { crop: [3, 3], flip: true, shortSide } });
  const [first] = await at([3, 3]);
  assert.equal(first!.images.length, 81);
  assert.deepEqual(await at([3, 3]), await at([3, 3]));
});

Deno.test("with a size the whole image becomes it, whatever its aspect", async () => {
  const transforms = { crop: [4, 12], size: [4, 12], flip: false } as const;
  const [batch] = await take(memoryDataset(1).dataset, 1, { transforms, batch: 1 });
  assert.deepEqual(batch!.size, [4, 12]);
  // Nothing is padded.
  assert.ok(!batch!.labels!.includes(255));
  assert.ok(batch!.images.some((value) => value !== 0));
});

Deno.test("a file that cannot be read fails the batch it belongs to, not the process", async () => {
  const { dataset } = memoryDataset(2, () => Promise.reject(new DataError("/x.png", "the image is damaged")));
  const loader = trainLoader(dataset, base);
  await new Promise((done) => setTimeout(done, 0));
  await assert.rejects(loader.next(), new DataError("/x.png", "the image is damaged"));
  loader.close();
  await assert.rejects(loader.next(), new Error("the loader was closed"));
});

Deno.test("an empty dataset is refused", () => {
  assert.throws(
    () => trainLoader(memoryDataset(0).dataset, base),
    new UserError("The dataset is empty; training needs at least one image"),
  );
});

async function evaluated(evaluation: EvaluationPlan, length = 3) {
  const images = [];
  for await (const image of evaluationImages(memoryDataset(length).dataset, { evaluation, normalization })) {
    images.push(image);
  }
  return images;
}

Deno.test("evaluation shows each image once in order, up to the limit", async () => {
  assert.deepEqual((await evaluated({ labelSize: "original" })).map(({ id }) => id), ["0", "1", "2"]);
  assert.deepEqual((await evaluated({ labelSize: "original", limit: 2 })).map(({ id }) => id), ["0", "1"]);
  assert.deepEqual(await evaluated({ labelSize: "original" }, 0), []);
});

Deno.test("evaluation sizes: as read, by short side, fixed; labels in the file's size or the input's", async () => {
  const sizes = async (evaluation: EvaluationPlan) => {
    const [image] = await evaluated(evaluation);
    const [input] = image!.inputs;
    assert.equal(input!.images.length, input!.height * input!.width * 3);
    assert.equal(image!.labels!.length, image!.labelHeight * image!.labelWidth);
    return [input!.height, input!.width, image!.labelHeight, image!.labelWidth];
  };
  assert.deepEqual(await sizes({ labelSize: "original" }), [6, 8, 6, 8]);
  assert.deepEqual(await sizes({ labelSize: "original", size: 3 }), [3, 4, 6, 8]);
  assert.deepEqual(await sizes({ labelSize: "input", size: 3 }), [3, 4, 3, 4]);
  assert.deepEqual(await sizes({ labelSize: "input", size: [5, 2] }), [5, 2, 5, 2]);
});

Deno.test("a lookup reads only the batches it is asked for, and they are the loader's, labels added", async () => {
  const without = await take(memoryDataset(5).dataset, 8, { labels: false });
  const { dataset, reads } = memoryDataset(5);
  const lookup = batchLookup(dataset, base);
  for (const k of [2, 3, 7]) {
    const { ids, images, labels } = await lookup.at(k);
    assert.deepEqual(ids, without[k]!.ids);
    assert.deepEqual(images, without[k]!.images);
    assert.equal(labels!.length, 3 * 4 * 6);
  }
  lookup.close();
  assert.equal(reads.length, 9);
});
