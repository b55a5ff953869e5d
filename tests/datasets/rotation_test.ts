/** Rotation tags: found in every format, followed or not as the recipe says, and never passed over where labels exist. */
import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { diskFiles } from "../../datasets/files.ts";
import { openInput } from "../../datasets/input.ts";
import { orientationOf, tellsOrientation } from "../../datasets/orientation.ts";
import { scene, storedFor, type Tagged, tagged } from "./exif.ts";
import { labelPng, memoryFiles, openDataset } from "./memory_files.ts";
import { batchesOf, imagesOf, loading, normalization, planned, withInput } from "./workers/disk.ts";

const wide = { width: 12, height: 8 };
const upright = { ...wide, data: scene(wide) };
const TAGS = [1, 2, 3, 4, 5, 6, 7, 8];
const classes = { left: [0], right: [1] };
const options = { images: "i", labels: "l", classes };

/** Left half 0, right half 1: labels of the upright picture. */
const ids = ({ width, height }: { width: number; height: number }) =>
  labelPng(width, height, Array.from({ length: width * height }, (_, k) => k % width < width / 2 ? 0 : 1));

const file = (orientation: number, format: Tagged = "png") =>
  tagged({ pixels: storedFor(orientation, upright), orientation, format });

for (const format of ["jpeg", "png", "webp", "tiff"] as const) {
  Deno.test(`the tags of a ${format} are found as the image library finds them`, async () => {
    for (const orientation of TAGS) {
      const bytes = await file(orientation, format);
      assert.equal((await sharp(bytes).metadata()).orientation, orientation);
      assert.equal(orientationOf(bytes), orientation);
      // The beginning tells the same or says that it does not.
      const head = bytes.subarray(0, 700);
      if (tellsOrientation(head)) assert.equal(orientationOf(head), orientation);
    }
    const untagged = new Uint8Array(
      await sharp(upright.data, { raw: { ...wide, channels: 3 } }).toFormat(format).toBuffer(),
    );
    assert.equal(orientationOf(untagged), 1);
  });
}

Deno.test("a tag that is damaged, or out of its range, is none", async () => {
  const bytes = await file(6, "jpeg");
  for (let at = 0; at < 120; at++) {
    const changed = bytes.slice();
    changed[at] = 0xee;
    assert.ok(TAGS.includes(orientationOf(changed)));
    assert.ok(TAGS.includes(orientationOf(bytes.subarray(0, at))));
  }
});

Deno.test("`rotation: apply` gives the upright pixels of every tag, with their labels", async () => {
  for (const orientation of TAGS) {
    const files = memoryFiles({ "/data/i/a.png": await file(orientation), "/data/l/a.png": ids(wide) });
    const dataset = await openDataset("folder", { ...options, rotation: "apply" }, { files });
    assert.deepEqual(await dataset.survey!(), []);
    const { width, height, image, labels } = await dataset.read(0, { labels: true });
    assert.deepEqual([width, height], [12, 8]);
    assert.deepEqual(image, upright.data, `orientation ${orientation}`);
    assert.deepEqual([...labels!.subarray(0, 12)], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  }
});

Deno.test("`rotation: ignore` reads what is stored, with labels drawn on that", async () => {
  for (const orientation of TAGS) {
    const stored = storedFor(orientation, upright);
    const files = memoryFiles({ "/data/i/a.png": await file(orientation), "/data/l/a.png": ids(stored) });
    const dataset = await openDataset("folder", { ...options, rotation: "ignore" }, { files });
    assert.deepEqual(await dataset.survey!(), []);
    assert.deepEqual((await dataset.read(0, { labels: true })).image, stored.data);
  }
});

Deno.test("undecided: half turns and mirrors are refused with their labels, and read without", async () => {
  for (
    const [orientation, words] of [[2, "mirrored"], [3, "upside down"], [
      4,
      "upside down and mirrored",
    ]] as const
  ) {
    const files = memoryFiles({ "/data/i/a.png": await file(orientation), "/data/l/a.png": ids(wide) });
    const dataset = await openDataset("folder", options, { files });
    await assert.rejects(dataset.read(0, { labels: true }), {
      name: "DataError",
      message:
        `/data/i/a.png: it has a rotation tag (EXIF orientation ${orientation}, ${words}), and the recipe does ` +
        "not say whether its labels were drawn on it upright, as viewers and annotation tools show it " +
        "(`rotation: apply`), or as it is stored (`rotation: ignore`)",
    });
    assert.deepEqual((await dataset.read(0, { labels: false })).image, storedFor(orientation, upright).data);
  }
});

Deno.test("undecided: a quarter turn whose labels have the upright size is refused, and the line says what it is", async () => {
  const files = memoryFiles({ "/data/i/a.jpg": await file(6, "jpeg"), "/data/l/a.png": ids(wide) });
  const dataset = await openDataset("folder", options, { files });
  await assert.rejects(dataset.read(0, { labels: true }), {
    name: "DataError",
    message:
      "/data/l/a.png: the labels are 12 x 8 pixels, their image /data/i/a.jpg is 8 x 12; the image has a rotation " +
      "tag (EXIF orientation 6, a quarter turn) and would be 12 x 8 upright; `rotation: apply` in the recipe turns it",
  });
  const applied = await openDataset("folder", { ...options, rotation: "apply" }, {
    files: memoryFiles({ "/data/i/a.png": await file(6), "/data/l/a.png": ids({ width: 8, height: 12 }) }),
  });
  await assert.rejects(applied.read(0, { labels: true }), {
    message:
      "/data/l/a.png: the labels are 8 x 12 pixels, their image /data/i/a.png is 12 x 8 after it was turned by " +
      "its rotation tag (EXIF orientation 6, a quarter turn); as stored it is 8 x 12; `rotation: ignore` reads it so",
  });
});

Deno.test("undecided: a quarter turn whose labels have the stored size contradicts nothing; a square one may", async () => {
  const files = memoryFiles({
    "/data/i/a.png": await file(8),
    "/data/l/a.png": ids({ width: 8, height: 12 }),
  });
  const dataset = await openDataset("folder", options, { files });
  assert.deepEqual(await dataset.survey!(), []);
  const { width, height, facts } = await dataset.read(0, { labels: true, facts: true });
  assert.deepEqual([width, height, facts], [8, 12, { name: "a.png", turned: 8 }]);
  const square = { width: 8, height: 8 };
  const turned = await tagged({ pixels: { ...square, data: scene(square) }, orientation: 8, format: "png" });
  const squares = memoryFiles({ "/data/i/a.png": turned, "/data/l/a.png": ids(square) });
  await assert.rejects((await openDataset("folder", options, { files: squares })).read(0, { labels: true }), {
    message: /it has a rotation tag \(EXIF orientation 8, a quarter turn\), and the recipe does not say/,
  });
});

Deno.test("the survey names how many, which, and what to do, and reads the beginnings alone", async () => {
  const contents: Record<string, Uint8Array> = {};
  for (const [name, orientation] of [["a", 3], ["b", 1], ["c", 6], ["d", 2], ["e", 3]] as const) {
    contents[`/data/i/${name}.jpg`] = await file(orientation, "jpeg");
    contents[`/data/l/${name}.png`] = ids(wide);
  }
  const dataset = await openDataset("folder", options, { files: memoryFiles(contents) });
  assert.deepEqual(await dataset.survey!(), [
    "4 of 5 images with labels have a rotation tag, and the recipe does not say whether their labels were drawn on the " +
    "pictures upright, as viewers and annotation tools show them, or as they are stored: a.jpg (EXIF orientation 3, " +
    "upside down), c.jpg (EXIF orientation 6, a quarter turn: stored as 8 x 12, upright 12 x 8 as its labels), d.jpg " +
    "(EXIF orientation 2, mirrored) and 1 more; `rotation: apply` turns them upright, `rotation: ignore` reads them as stored",
  ]);
  const plain = await Promise.all(
    ["x", "y"].map(async (name) => [`/data/i/${name}.jpg`, await file(1, "jpeg")] as const),
  );
  const files = memoryFiles({
    ...Object.fromEntries(plain),
    "/data/l/x.png": ids(wide),
    "/data/l/y.png": ids(wide),
  });
  const heads: string[] = [];
  const head = (path: string, bytes: number) => {
    heads.push(path);
    return files.read(path).then((all) => all.subarray(0, bytes));
  };
  const before = await openDataset("folder", options, { files: { ...files, head } });
  assert.deepEqual(await before.survey!(), []);
  assert.deepEqual(heads.filter((path) => path.endsWith(".jpg")).sort(), ["/data/i/x.jpg", "/data/i/y.jpg"]);
});

Deno.test("every dataset of files has the option, and images without labels have nothing to decide", async () => {
  const files = memoryFiles({
    "/data/i/a.png": await file(3),
    "/data/t.txt": "i/a.png i/l.png\n",
    "/data/i/l.png": ids(wide),
  });
  const turned = await openDataset("camvid", { list: "t.txt", rotation: "apply" }, { files });
  assert.deepEqual((await turned.read(0, { labels: false })).image, upright.data);
  await assert.rejects(
    (await openDataset("camvid", { list: "t.txt" }, { files })).read(0, { labels: true }),
    {
      message: /EXIF orientation 3/,
    },
  );
  const { labels: _, ...bare } = options;
  assert.equal((await openDataset("folder", bare, { files })).survey, undefined);
});

Deno.test("workers turn pictures and refuse them as the main thread does", async () => {
  const root = await Deno.makeTempDir();
  try {
    for (const folder of ["i", "l"]) await Deno.mkdir(join(root, folder));
    for (const orientation of TAGS) {
      await Deno.writeFile(join(root, `i/${orientation}.png`), await file(orientation));
      await Deno.writeFile(join(root, `l/${orientation}.png`), ids(wide));
    }
    const all = (workers: number) =>
      withInput(planned("folder", { ...options, rotation: "apply" }), { workers, root }, async (dataset) => [
        await batchesOf(dataset, 4),
        await imagesOf(dataset, { labelSize: "original" }),
      ]);
    assert.deepEqual(await all(2), await all(0));
    const [plan, origin] = planned("folder", options);
    const data = { root, source: plan, target: plan, splits: {}, origins: new Map([[plan, origin]]) };
    const input = openInput({
      data,
      input: { training: loading.transforms, normalization, workers: 1 },
      seed: 1,
    }, diskFiles());
    try {
      await assert.rejects(input.requireDecided(plan, await input.open(plan), "data.source"), {
        name: "UserError",
        message: /^data\.source: 7 of 8 images with labels have a rotation tag/,
      });
    } finally {
      await input.close();
    }
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
