/** The paper's datasets in tiny, and a recipe on them. */
import { join } from "node:path";
import { colourPng, palettePng } from "../datasets/png.ts";
import { below, blocks, cityscapes, type Files, gtav, SIZES, writeFiles } from "../datasets/layouts.ts";
import { folderTest } from "./tiny.ts";

export const RECIPE = `name: tiny
backend: wasm
data:
  root: ./sets
  source: { type: gtav, root: gta5 }
  target: { type: cityscapes, root: city }
  val: { type: cityscapes, root: city, split: val }
input: { crop: 32, short_side: 33 }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses: [{ type: cross-entropy }, { type: association, weight: 0.1 }]
optimizer: { type: sgd, options: { lr: 0.01 } }
schedule: { type: poly }
training: { steps: 2, batch: 1 }
`;

export const CITY = { ...cityscapes("train"), ...cityscapes("val") };

/** With the recipe, and with these files below `sets`. */
export function tiny(name: string, files: Files, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "tiny.yaml"), RECIPE);
    await writeFiles(join(folder, "sets"), files);
  }, body);
}

export const sets = (...all: string[]) => all.flatMap((each) => ["--set", each]);
export const timeless = (text: string) => text.replace(/time {4}\d+\.\d{3} s/g, "time    # s");

export const SOUND = { ...below("gta5", gtav(2, [7, 26, 0])), ...below("city", CITY) };

/** With images without labels and the other way round, colours, unknown ids, another size and a damaged image. */
export const FAULTY = {
  ...below("gta5", gtav(6)),
  ...below("city", CITY),
  "gta5/labels/00001.png": palettePng({ width: 40, height: 33 }, blocks({ width: 40, height: 33 }, [7])),
  "gta5/labels/00002.png": colourPng(SIZES[1]!),
  "gta5/labels/00003.png": palettePng(SIZES[2]!, blocks(SIZES[2]!, [7, 99, 80])),
  "gta5/labels/00004.png": palettePng(SIZES[0]!, blocks(SIZES[0]!, [99, 7])),
  "gta5/images/00007.png": colourPng(SIZES[0]!),
  "gta5/images/00005.png": new Uint8Array(9),
};
