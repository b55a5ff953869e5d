import assert from "node:assert/strict";
import { encode } from "fast-png";
import { ConfigError, DataError } from "../../core/errors.ts";
import type { Dataset } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { datasets } from "../../datasets/mod.ts";
import { labelPng, memoryFiles, openDataset, picture } from "./memory_files.ts";

const grey = labelPng(3, 2, [0, 1, 2, 9, 10, 11]);
const png = await picture(3, 2);

function camvid(contents: Record<string, Uint8Array | string>, root = "/data") {
  return openDataset("camvid", { list: "train.txt" }, { files: memoryFiles(contents), root });
}

const sound = {
  "/data/train.txt": "train/a.png trainannot/a.png\n",
  "/data/train/a.png": png,
  "/data/trainannot/a.png": grey,
};

/** Asserts the error's class and exact text. */
async function refuses(work: Promise<unknown>, message: string) {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof DataError);
    assert.equal(error.message, message);
    return true;
  });
}

const labelsOf = (dataset: Dataset) => dataset.read(0, { labels: true });

Deno.test("camvid reads images and maps void to ignore", async () => {
  const dataset = await camvid(sound);
  assert.equal(dataset.length, 1);
  const sample = await labelsOf(dataset);
  assert.equal(sample.id, "train/a");
  assert.deepEqual([sample.width, sample.height], [3, 2]);
  assert.deepEqual([...sample.image.subarray(0, 6)], [0, 7, 7, 1, 7, 7]);
  assert.deepEqual([...sample.labels!], [0, 1, 2, 9, 10, 255]);
});

Deno.test("camvid looks the last two parts of SegNet's absolute paths up below the root", async () => {
  const list = "# a comment\n\n/SegNet/CamVid/train/a.png /SegNet/CamVid/trainannot/a.png\r\n";
  const sample = await labelsOf(await camvid({ ...sound, "/data/train.txt": list }));
  assert.deepEqual([...sample.labels!], [0, 1, 2, 9, 10, 255]);
});

Deno.test("camvid reads a JPEG", async () => {
  const jpeg = await picture(3, 2, "jpeg");
  const sample = await labelsOf(await camvid({ ...sound, "/data/train/a.png": jpeg }));
  assert.equal(sample.image.length, 18);
});

Deno.test("a missing, empty or unset data root is named", async () => {
  await refuses(camvid({}), "data.root /data: there is no such folder");
  await refuses(camvid({}, ""), "data.root: it is not set; expected the folder that holds the data");
  const empty = { ...memoryFiles({}), list: () => Promise.resolve([]) };
  await refuses(
    openDataset("camvid", { list: "train.txt" }, { files: empty }),
    "data.root /data: the folder is empty",
  );
});

Deno.test("a missing or empty list is named", async () => {
  await refuses(camvid({ "/data/other.txt": "" }), "/data/train.txt: there is no such file");
  await refuses(
    camvid({ "/data/train.txt": "# nothing\n\n" }),
    "/data/train.txt: the list is empty; expected one image per line",
  );
});

Deno.test("a list line of three words is named", async () => {
  await refuses(
    camvid({ ...sound, "/data/train.txt": "train/a.png trainannot/a.png\na b c\n" }),
    '/data/train.txt: line 2 has 3 words; expected "image labels" or "image"; ' +
      "a tab between them allows blanks in names, as do quotes around each",
  );
});

Deno.test("an image that the list names and nobody has is found on opening", async () => {
  await refuses(
    camvid({ ...sound, "/data/train.txt": "train/a.png trainannot/a.png\ntrain/b.png trainannot/b.png\n" }),
    "/data/train/b.png: there is no such file; /data/train.txt names it in line 2",
  );
});

Deno.test("an image without its label file is named once labels are wanted", async () => {
  const { "/data/trainannot/a.png": _, ...rest } = sound;
  const dataset = await camvid(rest);
  await dataset.read(0, { labels: false });
  await refuses(
    labelsOf(dataset),
    "/data/trainannot/a.png: there is no such file; it should hold the labels of /data/train/a.png",
  );
  await refuses(
    labelsOf(await camvid({ ...sound, "/data/train.txt": "train/a.png\n" })),
    "/data/train/a.png: this image has no label file, and labels are needed here",
  );
});

Deno.test("labels of another size are named", async () => {
  await refuses(
    labelsOf(await camvid({ ...sound, "/data/trainannot/a.png": labelPng(2, 2, [0, 0, 0, 0]) })),
    "/data/trainannot/a.png: the labels are 2 x 2 pixels, their image /data/train/a.png is 3 x 2",
  );
});

Deno.test("labels of another size are refused by their header, before a pixel is decoded", async () => {
  const damaged = labelPng(2, 2, [0, 0, 0, 0]);
  damaged[45]! ^= 4;
  await refuses(
    labelsOf(await camvid({ ...sound, "/data/trainannot/a.png": damaged })),
    "/data/trainannot/a.png: the labels are 2 x 2 pixels, their image /data/train/a.png is 3 x 2",
  );
});

Deno.test("a label id outside the class map is named with its pixel", async () => {
  await refuses(
    labelsOf(await camvid({ ...sound, "/data/trainannot/a.png": labelPng(3, 2, [0, 0, 0, 0, 12, 0]) })),
    "/data/trainannot/a.png: label id 12 at pixel (1, 1) is not known; expected 0 to 10, or 11 for void",
  );
});

Deno.test("a damaged image and one that is cut short are told apart", async () => {
  const damaged = "/data/train/a.png: the image is damaged, cut short or not a JPEG or PNG";
  const cut = "/data/train/a.png: the image is cut short: its end is missing; copy or download it again";
  const jpeg = await picture(64, 48, "jpeg");
  const flipped = png.slice();
  flipped[75]! ^= 4;
  const contents: [Uint8Array | string, string][] = [
    [png.subarray(0, 50), cut],
    [png.subarray(0, png.length - 1), cut],
    [jpeg.subarray(0, jpeg.length - 200), cut],
    [jpeg.subarray(0, jpeg.length - 1), cut],
    [flipped, damaged],
    ["hello", damaged],
    ["", damaged],
  ];
  for (const [content, message] of contents) {
    const dataset = await camvid({ ...sound, "/data/train/a.png": content });
    await refuses(dataset.read(0, { labels: false }), message);
  }
});

Deno.test("a damaged, truncated, lossy or coloured label image is named", async () => {
  const name = "/data/trainannot/a.png";
  const damaged = `${name}: the label image is damaged, cut short or not a PNG`;
  const cut = `${name}: the label image is cut short: its end is missing; copy or download it again`;
  const flipped = grey.slice();
  flipped[45]! ^= 4;
  const contents: [Uint8Array | string, string][] = [
    [grey.subarray(0, 45), cut],
    [grey.subarray(0, grey.length - 3), cut],
    [flipped, damaged],
    ["hello", damaged],
    ["", damaged],
    [
      await picture(3, 2, "jpeg"),
      `${name}: this is a JPEG, whose compression changes ids; save the masks as PNG from what they were made from`,
    ],
    [png, `${name}: the label image has 3 channels; expected class ids in one channel, grey or palette`],
  ];
  for (const [content, message] of contents) {
    await refuses(labelsOf(await camvid({ ...sound, [name]: content })), message);
  }
});

const classes = { road: [0], car: [1, 2], sky: [300] };
const folders = {
  "/data/img/berlin/1_rgb.png": png,
  "/data/img/readme.txt": "",
  "/data/gt/berlin/1_ids.png": encode({
    width: 3,
    height: 2,
    depth: 16,
    channels: 1,
    data: Uint16Array.of(0, 1, 2, 300, 7, 0),
  }),
};
const suffixes = { images: "img", labels: "gt", image_suffix: "_rgb", label_suffix: "_ids" };

Deno.test("folder matches two folders by path and maps 16-bit ids", async () => {
  const options = { ...suffixes, classes, ignore: [7] };
  const dataset = await openDataset("folder", options, { files: memoryFiles(folders) });
  assert.equal(dataset.length, 1);
  const sample = await labelsOf(dataset);
  assert.equal(sample.id, "berlin/1");
  assert.deepEqual([...sample.labels!], [0, 1, 1, 2, 255, 0]);
});

Deno.test("folder refuses an unlisted id unless `other: ignore`", async () => {
  const files = memoryFiles(folders);
  await refuses(
    labelsOf(await openDataset("folder", { ...suffixes, classes }, { files })),
    "/data/gt/berlin/1_ids.png: label id 7 at pixel (1, 1) is not known; " +
      "expected one of 0, 1, 2, 300 (or `other: ignore` in the recipe)",
  );
  const lenient = await openDataset("folder", { ...suffixes, classes, other: "ignore" }, { files });
  assert.deepEqual([...(await labelsOf(lenient)).labels!], [0, 1, 1, 2, 255, 0]);
});

Deno.test("folder without labels serves images and says what is missing when labels are wanted", async () => {
  const options = { images: "img", image_suffix: "_rgb", classes };
  const dataset = await openDataset("folder", options, { files: memoryFiles(folders) });
  assert.equal((await dataset.read(0, { labels: false })).id, "berlin/1");
  await refuses(
    labelsOf(dataset),
    "/data/img/berlin/1_rgb.png: this image has no label file, and labels are needed here",
  );
});

Deno.test("folder finds an image without labels on opening", async () => {
  const files = memoryFiles({ ...folders, "/data/img/berlin/2_rgb.png": png });
  await refuses(
    openDataset("folder", { ...suffixes, classes }, { files }),
    "/data/img/berlin/2_rgb.png: this image has no labels; expected /data/gt/berlin/2_ids.png",
  );
});

Deno.test("folder refuses folders without images", async () => {
  const files = memoryFiles(folders);
  await refuses(
    openDataset("folder", { images: "gt", image_suffix: "_rgb", classes }, { files }),
    '/data/gt: the folder holds no JPEG, PNG, TIFF or WebP whose name ends in "_rgb"',
  );
  await refuses(
    openDataset("folder", { images: "none", classes }, { files }),
    "/data/none: there is no such folder",
  );
});

Deno.test("folder reads a list, absolute paths as they are, blanks in names between tabs", async () => {
  const files = memoryFiles({
    "/data/l.txt": "my img.png\t/data/gt/a b.png\n",
    "/data/my img.png": png,
    "/data/gt/a b.png": grey,
  });
  const dataset = await openDataset("folder", { list: "l.txt", classes, other: "ignore" }, { files });
  assert.deepEqual([...(await labelsOf(dataset)).labels!], [0, 1, 1, 255, 255, 255]);
});

Deno.test("blanks around the fields of a list with tabs do not count", async () => {
  const files = memoryFiles({
    "/data/l.txt": "# image \t labels\n  a b.png \t gt.png  \n",
    "/data/a b.png": png,
    "/data/gt.png": grey,
  });
  const dataset = await openDataset("folder", { list: "l.txt", classes, other: "ignore" }, { files });
  assert.deepEqual(dataset.ids, ["a b"]);
  assert.deepEqual([...(await labelsOf(dataset)).labels!], [0, 1, 1, 255, 255, 255]);
});

Deno.test("folder passes over hidden files, which macOS writes beside images and labels", async () => {
  const hidden = { "/data/img/berlin/._1_rgb.png": "", "/data/img/.trash/2_rgb.png": png };
  const files = memoryFiles({ ...folders, ...hidden, "/data/gt/berlin/._1_ids.png": "" });
  const dataset = await openDataset("folder", { ...suffixes, classes, ignore: [7] }, { files });
  assert.deepEqual(dataset.ids, ["berlin/1"]);
});

Deno.test("folder reads palette and packed label PNGs", async () => {
  const palette = encode({
    width: 3,
    height: 2,
    channels: 1,
    depth: 1,
    data: Uint8Array.of(0b01000000, 0b10100000),
  });
  const files = memoryFiles({ ...folders, "/data/gt/berlin/1_ids.png": palette });
  const dataset = await openDataset("folder", { ...suffixes, classes }, { files });
  assert.deepEqual([...(await labelsOf(dataset)).labels!], [0, 1, 0, 1, 0, 1]);
});

Deno.test("folder reports all mistakes of its options together", async () => {
  const options = { classes: { road: [0, 1], car: [1] }, ignore: [0], labels: "gt", list: "a", images: "b" };
  await assert.rejects(async () => await openDataset("folder", options), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.deepEqual(error.message.split("\n"), [
      'data.source.options.classes.car: id 1 belongs to "road" already',
      'data.source.options.ignore: id 0 belongs to "road" already',
      "data.source.options: expected either `list` or `images`",
      "data.source.options.labels: a `list` names the label files itself",
    ]);
    return true;
  });
  await assert.rejects(
    async () => await openDataset("folder", { classes: { road: [0] }, images: "b" }),
    (error) =>
      error instanceof ConfigError &&
      error.message === "data.source.options.classes: expected at least two classes",
  );
});

Deno.test("camvid and folder name several missing files in one error, or tell whoever asks", async () => {
  const list = ["a", "b", "c", "d", "e", "f"].map((name) => `train/${name}.png trainannot/${name}.png\n`)
    .join("");
  await refuses(
    camvid({ ...sound, "/data/train.txt": list }),
    "/data/train/b.png: there is no such file; /data/train.txt names it in line 2 " +
      "(and 4 more: /data/train/c.png, /data/train/d.png, /data/train/e.png and 1 more)",
  );
  const files = memoryFiles({ ...folders, "/data/img/2_rgb.png": png, "/data/img/3_rgb.png": png });
  await refuses(
    openDataset("folder", { ...suffixes, classes }, { files }),
    "/data/img/2_rgb.png: this image has no labels; expected /data/gt/2_ids.png (and 1 more: /data/img/3_rgb.png)",
  );
  const told: string[] = [];
  const registry = new Registry(datasets);
  const plan = registry.plan("dataset", { type: "folder", options: { ...suffixes, classes } });
  const setup = { root: "/data", seed: 0, files };
  const whole = await plan.open({
    ...setup,
    onMissing: (missing) => void told.push(...missing.map(({ file }) => file)),
  });
  assert.deepEqual([whole.ids, told], [["berlin/1"], ["/data/img/2_rgb.png", "/data/img/3_rgb.png"]]);
  // A target's labels are not asked for, so they need not be there.
  assert.equal((await plan.open({ ...setup, labels: false })).length, 3);
});
