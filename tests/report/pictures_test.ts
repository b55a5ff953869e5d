import assert from "node:assert/strict";
import { decode } from "fast-png";
import sharp from "sharp";
import type { Rgb } from "../../core/label_space.ts";
import { greyPng, labelPng, overlay } from "../../report/pictures.ts";

const colours: Rgb[] = [[10, 20, 30], [255, 0, 1], [4, 5, 6]];
const labels = { width: 3, height: 1, data: Uint8Array.from([2, 0, 1]) };

Deno.test("a label file holds the ids and shows their colours", async () => {
  const file = labelPng(labels, colours);
  const { data, channels, depth, palette } = decode(file, { checkCrc: true });
  assert.deepEqual([[...data], channels, depth, palette], [[2, 0, 1], 1, 8, colours]);
  const shown = await sharp(file).raw().toBuffer();
  assert.deepEqual([...shown], [4, 5, 6, 10, 20, 30, 255, 0, 1]);
});

Deno.test("a grey picture holds its values", () => {
  const { data, channels, palette } = decode(greyPng({ ...labels, data: Uint8Array.from([0, 128, 255]) }));
  assert.deepEqual([[...data], channels, palette], [[0, 128, 255], 1, undefined]);
});

Deno.test("an overlay mixes pixel and colour by the opacity", async () => {
  const image = Uint8Array.from([100, 100, 100, 0, 0, 0, 255, 255, 255]);
  const mixed = async (opacity: number) => {
    const file = await overlay(image, labels, { colours, opacity, format: "png" });
    return [...await sharp(file).raw().toBuffer()];
  };
  assert.deepEqual(await mixed(0), [...image]);
  assert.deepEqual(await mixed(1), [4, 5, 6, 10, 20, 30, 255, 0, 1]);
  assert.deepEqual(await mixed(0.25), [76, 76, 77, 3, 5, 8, 255, 191, 192]);
  const jpeg = await overlay(image, labels, { colours, opacity: 0.5, format: "jpg" });
  assert.equal((await sharp(jpeg).metadata()).format, "jpeg");
});
