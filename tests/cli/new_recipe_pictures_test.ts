import assert from "node:assert/strict";
import { join } from "node:path";
import { encode } from "fast-png";
import sharp from "sharp";
import { labelPng } from "../../report/pictures.ts";
import {
  labels,
  newRecipe,
  picture,
  put,
  putPairs,
  recipeTest,
  SIZE,
  type Size,
  trains,
} from "./own_folders.ts";

/** Two halves, the upper of one colour, the lower of another. */
function painted(colours: readonly (readonly [number, number, number])[], [width, height]: Size): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    data.set(colours[Math.floor(Math.floor(at / width) * colours.length / height)]!, at * 3);
  }
  return encode({ width, height, channels: 3, data });
}

const RED = [255, 0, 0] as const, BLUE = [0, 0, 128] as const, BLACK = [0, 0, 0] as const;

recipeTest("new recipe: masks of colours become classes called by their colour", async (folder) => {
  await putPairs(folder, { images: "i" });
  for (const name of "abcd") await put(folder, `m/${name}.png`, painted([BLACK, RED, BLUE, RED], SIZE));
  const { code, stdout, stderr } = await newRecipe(folder, "--source", "i", "m", "--target", "i", "m");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /\n3 classes; their names are yours to fill in. Guessed: no colour is ignored. If black means `unlabelled`, move /,
  );
  const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
  assert.ok(
    text.includes(`    labels: { folder: m, by: colour }
    # The colours of the label files. Shares are those of the pixels of
    # all 4 label files of source and all 4 label files of target.
    # The names are yours to fill in.
    classes: &classes
      class_000000: ["#000000"] # source 25.0 %, target 25.0 %
      class_000080: ["#000080"] # source 25.0 %, target 25.0 %
      class_ff0000: ["#ff0000"] # source 50.0 %, target 50.0 %
`),
    text,
  );
  await trains(folder, "my_data.yaml");
});

recipeTest(
  "new recipe: palettes whose order differs from file to file are read by colour",
  async (folder) => {
    await putPairs(folder, { images: "i" });
    const [width, height] = SIZE;
    const ids = Uint8Array.from({ length: width * height }, (_, at) => at < width * 8 ? 0 : 1);
    for (const [k, name] of [..."abcd"].entries()) {
      const palette = k === 3 ? [BLUE, RED] : [RED, BLUE];
      const data = k === 3 ? ids.map((id) => 1 - id) : ids;
      await put(folder, `m/${name}.png`, labelPng({ width, height, data }, palette));
    }
    const { code, stdout, stderr } = await newRecipe(folder, "--source", "i", "m", "--target", "i");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\n {2}palettes differ from file to file, so colours are read instead of numbers\n/);
    const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
    assert.match(
      text,
      /\n {6}class_000080: \["#000080"\] # source 75.0 %\n {6}class_ff0000: \["#ff0000"\] # source 25.0 %\n/,
    );
    await trains(folder, "my_data.yaml");
  },
);

/** A JPEG whose pixels lie a quarter turn away from how viewers show it. */
async function turned(size: Size, orientation: number): Promise<Uint8Array> {
  const upright = await picture("a.jpg", size);
  return new Uint8Array(await sharp(upright).withMetadata({ orientation }).jpeg().toBuffer());
}

recipeTest(
  "new recipe: rotation tags are followed where the labels are drawn on the upright picture",
  async (folder) => {
    for (const name of "ab") {
      await put(folder, `i/${name}.jpg`, await turned([32, 48], 6));
      await put(folder, `upright/${name}.png`, labels([1, 2], [48, 32]));
      await put(folder, `stored/${name}.png`, labels([1, 2], [32, 48]));
      await put(folder, `t/${name}.jpg`, await turned([40, 40], 3));
    }
    const made = async (kind: string) => {
      const { code, stderr } = await newRecipe(
        folder,
        "--source",
        "i",
        kind,
        "--target",
        "t",
        "--name",
        kind,
      );
      assert.deepEqual([code, stderr], [0, ""]);
      await trains(folder, `${kind}.yaml`);
      return await Deno.readTextFile(join(folder, `${kind}.yaml`));
    };
    assert.match(
      await made("upright"),
      /\n {4}rotation: apply # Guessed: 2 images that were looked at had a rotation tag, and the labels have the size of the upright picture\n/,
    );
    const stored = await made("stored");
    assert.match(stored, /\n {4}rotation: ignore # .* and the labels lie as the pixels are stored\n/);
    assert.match(stored, /\n {4}rotation: apply # .* and viewers show them upright\n/);
  },
);

recipeTest("new recipe: images of 12 bits in files of 16 get their range", async (folder) => {
  const data = Uint16Array.from({ length: SIZE[0] * SIZE[1] * 3 }, (_, k) => (k * 37) % 4000);
  for (const name of "ab") {
    await put(
      folder,
      `i/${name}.png`,
      encode({ width: SIZE[0], height: SIZE[1], channels: 3, depth: 16, data }),
    );
    await put(folder, `m/${name}.png`, labels([1, 2], SIZE));
  }
  const { code, stderr } = await newRecipe(folder, "--source", "i", "m", "--target", "i");
  assert.deepEqual([code, stderr], [0, ""]);
  const text = await Deno.readTextFile(join(folder, "my_data.yaml"));
  assert.equal(text.match(/\n {4}range: \[0, 4095\] # Guessed/g)?.length, 2);
  await trains(folder, "my_data.yaml");
});
