/** Folders of images and labels as people have them, and what `plca new recipe` makes of them. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import sharp from "sharp";
import { inFolder, plca } from "./fake_host.ts";

export type Size = readonly [width: number, height: number];

export const SIZE: Size = [40, 32];

/** A picture that is nowhere alike. */
export async function picture(name: string, [width, height]: Size): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, k) => (k * 7919 + k * k) % 256);
  const raw = sharp(data, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await (/\.png$/i.test(name) ? raw.png() : raw.jpeg()).toBuffer());
}

/** Bands of ids from the top to the bottom. */
export function labels(ids: readonly number[], [width, height]: Size, channels: 1 | 3 = 1): Uint8Array {
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, k) => ids[Math.floor(Math.floor(k / channels / width) * ids.length / height)]!,
  );
  return encode({ width, height, channels, data });
}

export async function put(folder: string, name: string, bytes: Uint8Array | string): Promise<void> {
  const path = join(folder, name);
  await Deno.mkdir(dirname(path), { recursive: true });
  await (typeof bytes === "string" ? Deno.writeTextFile(path, bytes) : Deno.writeFile(path, bytes));
}

/** Images `a.jpg` to the `count`-th letter in `images`, and labels of them in `annotation`. */
export async function putPairs(
  folder: string,
  { images, annotation, count = 4, ids = [1, 2, 255], ending = "" }: {
    readonly images: string;
    readonly annotation?: string;
    readonly count?: number;
    readonly ids?: readonly number[];
    readonly ending?: string;
  },
): Promise<void> {
  for (const name of "abcdefghij".slice(0, count)) {
    await put(folder, `${images}/${name}.jpg`, await picture(`${name}.jpg`, SIZE));
    if (annotation !== undefined) {
      await put(folder, `${annotation}/${name}${ending}.png`, labels(ids, SIZE));
    }
  }
}

/** What `plca new recipe` prints of these folders below `folder`. */
export function newRecipe(folder: string, ...args: readonly string[]) {
  return plca(["new", "recipe", ...args], { cwd: folder });
}

/** Checks the recipe, checks the data, trains a step. */
export async function trains(folder: string, recipe: string): Promise<void> {
  const check = await plca(["check", recipe], { cwd: folder });
  assert.deepEqual([check.code, check.stderr], [0, ""]);
  const data = await plca(["data", "check", recipe], { cwd: folder });
  assert.deepEqual([data.code, data.stderr], [0, ""], data.stdout);
  assert.match(data.stdout, /\nNothing is broken\.\n$/);
  const sets = ["training.steps=1", "training.batch=1", "backend=wasm", "input.workers=0"];
  const { code, stderr } = await plca(
    [
      "train",
      recipe,
      "--quiet",
      ...sets.flatMap((set) => ["--set", set]),
      "--set",
      "model.options.width=0.0625",
    ],
    { cwd: folder },
  );
  assert.equal(code, 0, stderr);
}

export function recipeTest(name: string, body: (folder: string) => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn: () => inFolder(body) });
}
