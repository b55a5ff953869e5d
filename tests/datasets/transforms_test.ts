import assert from "node:assert/strict";
import type { Normalization } from "../../core/plan.ts";
import { meanColour, normalizeInto } from "../../datasets/transforms/normalize.ts";
import { flipSample, resizedCrop, resizeSample, shortSideSize } from "../../datasets/transforms/sample.ts";

const sample = {
  id: "x",
  width: 3,
  height: 2,
  image: Uint8Array.from({ length: 18 }, (_, k) => k),
  labels: Uint8Array.of(0, 1, 2, 3, 4, 5),
};

Deno.test("the short side is met and the aspect kept, whichever side is short", () => {
  assert.deepEqual(shortSideSize({ width: 480, height: 360 }, 180), { width: 240, height: 180 });
  assert.deepEqual(shortSideSize({ width: 100, height: 151 }, 50), { width: 50, height: 76 });
  assert.deepEqual(shortSideSize({ width: 1000, height: 1 }, 2), { width: 2000, height: 2 });
  assert.deepEqual(shortSideSize({ width: 1, height: 1000 }, 1), { width: 1, height: 1000 });
});

Deno.test("a crop takes image and labels from the same window", () => {
  const fill = [9, 9, 9] as const;
  const last = resizedCrop(sample, sample, { size: [1, 2], place: [0.99, 0.99], fill, ignoreLabel: 255 });
  assert.deepEqual([...last.image], [12, 13, 14, 15, 16, 17]);
  assert.deepEqual([...last.labels!], [4, 5]);
  const first = resizedCrop(sample, sample, { size: [1, 2], place: [0, 0], fill, ignoreLabel: 255 });
  assert.deepEqual([...first.labels!], [0, 1]);
  const middle = resizedCrop(sample, sample, { size: [2, 2], place: [0.5, 0.5], fill, ignoreLabel: 255 });
  assert.deepEqual([...middle.labels!], [1, 2, 4, 5]);
});

Deno.test("a crop larger than the image is padded with the fill colour and the ignore label", () => {
  const padded = resizedCrop(sample, sample, {
    size: [3, 4],
    place: [0.9, 0.9],
    fill: [90, 91, 92],
    ignoreLabel: 255,
  });
  assert.deepEqual([padded.height, padded.width], [3, 4]);
  assert.deepEqual([...padded.labels!], [0, 1, 2, 255, 3, 4, 5, 255, 255, 255, 255, 255]);
  assert.deepEqual([...padded.image.subarray(0, 12)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 90, 91, 92]);
  assert.deepEqual([...padded.image.subarray(33)], [90, 91, 92]);
});

Deno.test("a flip mirrors image and labels, and twice is nothing", () => {
  const mirrored = flipSample(sample);
  assert.deepEqual([...mirrored.labels!], [2, 1, 0, 5, 4, 3]);
  assert.deepEqual([...mirrored.image.subarray(0, 3)], [6, 7, 8]);
  assert.deepEqual(flipSample(mirrored), sample);
});

Deno.test("transforms without labels invent none", () => {
  const { labels: _, ...bare } = sample;
  const cropped = resizedCrop(bare, bare, { size: [4, 4], place: [0, 0], fill: [0, 0, 0], ignoreLabel: 255 });
  for (const out of [cropped, flipSample(bare), resizeSample(bare, { width: 2, height: 2 })]) {
    assert.equal("labels" in out, false);
  }
});

const imagenet: Normalization = {
  order: "rgb",
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};
const caffe: Normalization = {
  order: "bgr",
  scale: 1,
  mean: [104.00698793, 116.66876762, 122.67891434],
  deviation: [1, 1, 1],
};

Deno.test("normalisation scales, centres and orders channels", () => {
  const out = new Float32Array(4);
  normalizeInto(Uint8Array.of(10, 20, 30), imagenet, { out, offset: 1 });
  const expected = [(10 / 255 - 0.485) / 0.229, (20 / 255 - 0.456) / 0.224, (30 / 255 - 0.406) / 0.225];
  assert.deepEqual([...out], [0, ...expected.map(Math.fround)]);
  normalizeInto(Uint8Array.of(10, 20, 30), caffe, { out, offset: 0 });
  const blueFirst = [30 - 104.00698793, 20 - 116.66876762, 10 - 122.67891434];
  assert.deepEqual([...out.subarray(0, 3)], blueFirst.map(Math.fround));
});

Deno.test("the mean colour is RGB whatever the order", () => {
  assert.deepEqual(meanColour(imagenet), [124, 116, 104]);
  assert.deepEqual(meanColour(caffe), [123, 117, 104]);
});
