/** Tiny datasets in the folders that the real ones come in: files by path below the dataset's folder. */
import { dirname, join } from "node:path";
import { colourPng, palettePng, rawPng, type Size, synthiaPng } from "./png.ts";

/** Bytes by path. */
export type Files = Record<string, Uint8Array>;

/** Sizes that differ, one odd; at least 40 x 33. */
export const SIZES: readonly Size[] = [
  { width: 41, height: 33 },
  { width: 48, height: 36 },
  { width: 40, height: 40 },
];

/** Ids in blocks of 4 x 4 pixels, one after the other: every id of a list of at most 80 in every image. */
export function blocks({ width, height }: Size, ids: readonly number[], shift = 0): number[] {
  return Array.from({ length: width * height }, (_, k) => {
    const block = Math.floor((k % width) / 4) + Math.ceil(width / 4) * Math.floor(k / width / 4);
    return ids[(block + shift) % ids.length]!;
  });
}

const range = (count: number) => Array.from({ length: count }, (_, k) => k);

/** `images/00001.png` and `labels/00001.png`: palettes, of every id from 0 to 34. */
export function gtav(count = 3, ids: readonly number[] = range(35)): Files {
  const files: Files = {};
  for (const k of range(count)) {
    const name = String(k + 1).padStart(5, "0");
    const size = SIZES[k % SIZES.length]!;
    files[`images/${name}.png`] = colourPng(size, k);
    files[`labels/${name}.png`] = palettePng(size, blocks(size, ids, k));
  }
  return files;
}

/** `RGB/0000000.png` and `GT/LABELS/0000000.png`: 16 bits, three channels, every id from 0 to 22. */
export function synthia(count = 3, ids: readonly number[] = range(23)): Files {
  const files: Files = {};
  for (const k of range(count)) {
    const name = String(k).padStart(7, "0");
    const size = SIZES[k % SIZES.length]!;
    files[`RGB/${name}.png`] = colourPng(size, k);
    files[`GT/LABELS/${name}.png`] = synthiaPng(size, blocks(size, ids, k));
  }
  return files;
}

/** `leftImg8bit/SPLIT/CITY/...` and `gtFine/SPLIT/CITY/..._labelIds.png` and `_labelTrainIds.png`: grey. */
export function cityscapes(split: "train" | "val" | "test", count = 2): Files {
  const files: Files = {};
  for (const k of range(count)) {
    const id = `${split}/bochum/bochum_000000_0000${10 + k}`;
    const size = SIZES[k % SIZES.length]!;
    const grey = (ids: readonly number[]) =>
      rawPng({ ...size, depth: 8, colour: 0, samples: blocks(size, ids, k) });
    files[`leftImg8bit/${id}_leftImg8bit.png`] = colourPng(size, k);
    files[`gtFine/${id}_gtFine_labelIds.png`] = grey([...range(35), 255]);
    files[`gtFine/${id}_gtFine_labelTrainIds.png`] = grey([...range(19), 255]);
    files[`gtFine/${id}_gtFine_color.png`] = colourPng(size, k);
  }
  return files;
}

/** The same files below another folder. */
export function below(folder: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [`${folder}/${path}`, bytes]));
}

/** Writes files, absent folders too. */
export async function writeFiles(root: string, files: Readonly<Record<string, Uint8Array | string>>) {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    await (typeof content === "string" ? Deno.writeTextFile(file, content) : Deno.writeFile(file, content));
  }
}
