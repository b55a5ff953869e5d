/** Images of 16 bits: how much of their range they use, and the part of it that a recipe names. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import sharp from "sharp";
import { decodeImage } from "../../datasets/decode.ts";
import { inspections } from "../../datasets/inspection.ts";
import { summarizer } from "../../datasets/summary.ts";
import { labelPng, memoryFiles, openDataset, picture } from "./memory_files.ts";

const size = { width: 40, height: 30 };
const count = size.width * size.height;

/** Grey of 16 bits whose samples run from `low` to `high`. */
function deep(low: number, high: number, channels: 1 | 3 = 1): Uint8Array {
  const samples = count * channels;
  const data = Uint16Array.from(
    { length: samples },
    (_, k) => low + Math.round((high - low) * k / (samples - 1)),
  );
  return encode({ ...size, channels, depth: 16, data });
}

const options = { images: "i", labels: "l", classes: { a: [0], b: [1] } };
const ids = labelPng(size.width, size.height, new Array(count).fill(0));

function filesOf(images: readonly Uint8Array[]) {
  return memoryFiles(Object.fromEntries(
    images.flatMap((image, k) => [[`/data/i/${k}.png`, image], [`/data/l/${k}.png`, ids]]),
  ));
}

async function hints(images: readonly Uint8Array[], more: Record<string, unknown> = {}) {
  const dataset = await openDataset("folder", { ...options, ...more }, { files: filesOf(images) });
  const space = { name: "folder", classes: ["a", "b"], ignore: 255 };
  const { add, summary } = summarizer({ space, labels: true, known: [] });
  const signal = new AbortController().signal;
  for await (const found of inspections(dataset, { labels: true, space, signal })) add(found);
  const { faults, hints = [] } = summary(images.length);
  assert.deepEqual(faults, []);
  return hints;
}

Deno.test("images of 16 bits that use a small part of their range are counted, with what to do", async () => {
  assert.deepEqual(await hints([deep(900, 3800), deep(0, 65535), deep(1000, 2000)]), [
    "2 of 3 images of 16 bits use a small part of their range: samples of 902 to 3798 of 65535, which become 3 to 14 of " +
    "255 (0.png, 2.png); `range: [902, 3798]` in the recipe spreads these over 0 to 255, or save the images with 8 bits",
  ]);
});

Deno.test("no hint: the range is used, the recipe names it, or there are 8 bits", async () => {
  assert.deepEqual(await hints([deep(0, 65535), deep(3000, 40000), deep(0, 65535, 3)]), []);
  assert.deepEqual(await hints([deep(900, 3800)], { range: [0, 4095] }), []);
  assert.deepEqual(await hints([await picture(40, 30)]), []);
});

Deno.test("a narrow band far from zero is a small part, single dead and hot pixels are none", async () => {
  const [band] = await hints([deep(30000, 33000)]);
  assert.match(band!, /samples of 3000\d to 3299\d of 65535, which become 117 to 128 of 255/);
  const data = Uint16Array.from({ length: count }, (_, k) => k === 7 ? 65535 : 100 + k % 3000);
  const [hot] = await hints([encode({ ...size, channels: 1, depth: 16, data })]);
  assert.match(hot!, /^1 of 1 image of 16 bits use/);
});

Deno.test("`range` spreads samples over 0 to 255, and cuts off what lies beyond", async () => {
  const data = Uint16Array.of(0, 900, 901, 2350, 3799, 3800, 3801, 65535);
  const file = encode({ width: 8, height: 1, channels: 1, depth: 16, data });
  const { data: rgb } = await decodeImage(file, "x.png", { range: [900, 3800] });
  const expected = [0, 0, 255 / 2900, 127.5, 255 * 2899 / 2900, 255, 255, 255].map(Math.round);
  assert.deepEqual([...rgb], expected.flatMap((value) => [value, value, value]));
  assert.deepEqual([...(await decodeImage(file, "x.png", { range: [0, 65535] })).data.subarray(3, 6)], [
    4,
    4,
    4,
  ]);
});

Deno.test("`range` leaves images of 8 bits alone, and colours of 16 bits keep their channels", async () => {
  const plain = await picture(40, 30);
  assert.deepEqual(await decodeImage(plain, "x.png", { range: [0, 100] }), await decodeImage(plain, "x.png"));
  const jpeg = await picture(40, 30, "jpeg");
  assert.deepEqual(await decodeImage(jpeg, "x.jpg", { range: [0, 100] }), await decodeImage(jpeg, "x.jpg"));
  const colour = encode({
    width: 1,
    height: 1,
    channels: 4,
    depth: 16,
    data: Uint16Array.of(0, 2047, 4095, 9),
  });
  assert.deepEqual([...(await decodeImage(colour, "x.png", { range: [0, 4095] })).data], [0, 127, 255]);
});

Deno.test("`range` and the plain decoding of a 16-bit TIFF and of a damaged PNG", async () => {
  const data = Uint16Array.from({ length: count }, (_, k) => k * 3);
  const raw = { raw: { ...size, channels: 1 as const } };
  const tiff = new Uint8Array(
    await sharp(data, raw).toColourspace("grey16").tiff({ compression: "lzw" }).toBuffer(),
  );
  const read = await decodeImage(tiff, "x.tif", { range: [0, 3597] });
  assert.equal(read.data[3 * 600], Math.round(255 * 1800 / 3597));
  const png = deep(0, 4095);
  await assert.rejects(decodeImage(png.subarray(0, png.length - 20), "x.png", { range: [0, 4095] }), {
    message: "x.png: the image is cut short: its end is missing; copy or download it again",
  });
});

Deno.test("a range of two values in the wrong order is a mistake of the recipe", async () => {
  await assert.rejects(async () => await openDataset("folder", { ...options, range: [4095, 0] }), {
    name: "ConfigError",
    message: "data.source.options.range: expected [low, high], the lower first",
  });
});

Deno.test("samples that facts are taken of are decoded to the same bytes", async () => {
  const dataset = await openDataset("folder", options, { files: filesOf([deep(0, 65535, 3)]) });
  const plain = await dataset.read(0, { labels: false });
  const { facts, ...told } = await dataset.read(0, { labels: false, facts: true });
  assert.deepEqual(told, plain);
  assert.deepEqual(facts?.deep?.map((value) => value >> 8), [0, 255]);
});
