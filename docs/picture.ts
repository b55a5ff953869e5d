/**
 * Draws docs/street.png, README's picture: two scenes by day (labelled source), their labels, and two other scenes at
 * dusk (unlabelled target). `deno run --allow-read --allow-write=docs --allow-env --allow-ffi --allow-sys docs/picture.ts`
 */
import { Buffer } from "node:buffer";
import sharp from "sharp";
import { Registry } from "../core/registry.ts";
import type { Sample } from "../core/plugin.ts";
import { diskFiles } from "../datasets/files.ts";
import { datasets } from "../datasets/mod.ts";

const WIDTH = 256, HEIGHT = 160, GAP = 6;

/** Cityscapes' colours: sky, building, road, sidewalk, vegetation, car, person, pole. */
const PALETTE = [
  [70, 130, 180],
  [70, 70, 70],
  [128, 64, 128],
  [244, 35, 232],
  [107, 142, 35],
  [0, 0, 142],
  [220, 20, 60],
  [153, 153, 153],
];

async function scenes(domain: string, split: string, indices: readonly number[]): Promise<Sample[]> {
  const registry = new Registry(datasets);
  const options = { domain, split, width: WIDTH, height: HEIGHT, count: 100 };
  const plan = registry.plan("dataset", { type: "street", options });
  const dataset = await plan.open({ root: "", seed: 0, files: diskFiles() });
  return await Promise.all(indices.map((index) => dataset.read(index, { labels: true })));
}

function colours({ labels }: Sample): Uint8Array {
  return Uint8Array.from([...labels!].flatMap((id) => PALETTE[id]!));
}

const day = await scenes("day", "train", [0, 3]);
const dusk = await scenes("dusk", "train", [7, 12]);
const columns = [
  day.map(({ image }) => image),
  day.map(colours),
  dusk.map(({ image }) => image),
];
const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const;
await sharp({
  create: {
    width: 3 * WIDTH + 2 * GAP,
    height: 2 * HEIGHT + GAP,
    channels: 3,
    background: "white",
  },
}).composite(columns.flatMap((column, x) =>
  column.map((image, y) => ({
    input: Buffer.from(image),
    raw,
    left: x * (WIDTH + GAP),
    top: y * (HEIGHT + GAP),
  }))
)).png({ palette: true, colours: 160 }).toFile("docs/street.png");
