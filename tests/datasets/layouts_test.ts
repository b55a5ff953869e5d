/** gtav, synthia and cityscapes in the folders they come in: what they read. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { ConfigError } from "../../core/errors.ts";
import { Registry } from "../../core/registry.ts";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { datasets } from "../../datasets/mod.ts";
import { below, blocks, cityscapes, gtav, SIZES, synthia } from "./layouts.ts";
import { picture } from "./memory_files.ts";
import { labelsOf, open, refuses, without } from "./open_layout.ts";
import { rawPng } from "./png.ts";

const [small] = SIZES;

/** Train ids of a space by class name, as a map of stored ids. */
function mapped(stored: Readonly<Record<number, string>>, space: keyof typeof CITYSCAPES_SPACES) {
  const { classes } = CITYSCAPES_SPACES[space];
  return (id: number) => {
    const train = classes.indexOf(stored[id] ?? "nothing");
    return train < 0 ? 255 : train;
  };
}

const LABEL_IDS = {
  7: "road",
  8: "sidewalk",
  11: "building",
  12: "wall",
  13: "fence",
  17: "pole",
  19: "traffic light",
  20: "traffic sign",
  21: "vegetation",
  22: "terrain",
  23: "sky",
  24: "person",
  25: "rider",
  26: "car",
  27: "truck",
  28: "bus",
  31: "train",
  32: "motorcycle",
  33: "bicycle",
};
const SYNTHIA_IDS = {
  1: "sky",
  2: "building",
  3: "road",
  4: "sidewalk",
  5: "fence",
  6: "vegetation",
  7: "pole",
  8: "car",
  9: "traffic sign",
  10: "person",
  11: "bicycle",
  12: "motorcycle",
  15: "traffic light",
  16: "terrain",
  17: "rider",
  18: "truck",
  19: "bus",
  20: "train",
  21: "wall",
};
const TRAIN_IDS = Object.fromEntries(CITYSCAPES_SPACES["cityscapes-19"].classes.entries());
const range = (count: number) => Array.from({ length: count }, (_, k) => k);

for (const space of ["cityscapes-19", "synthia-16", "synthia-13"] as const) {
  const options = { label_space: space };

  Deno.test(`gtav: every id from 0 to 34 in ${space}`, async () => {
    const dataset = open("gtav", gtav(), options);
    assert.equal((await dataset).length, 3);
    assert.deepEqual((await dataset).ids, ["00001", "00002", "00003"]);
    for (const [k, size] of SIZES.entries()) {
      assert.deepEqual(await labelsOf(dataset, k), blocks(size, range(35), k).map(mapped(LABEL_IDS, space)));
    }
  });

  Deno.test(`synthia: every id from 0 to 22 in ${space}`, async () => {
    const dataset = open("synthia", synthia(), options);
    assert.deepEqual((await dataset).ids, ["0000000", "0000001", "0000002"]);
    for (const [k, size] of SIZES.entries()) {
      assert.deepEqual(
        await labelsOf(dataset, k),
        blocks(size, range(23), k).map(mapped(SYNTHIA_IDS, space)),
      );
    }
  });

  Deno.test(`cityscapes: label ids and train ids agree in ${space}`, async () => {
    const ids = open("cityscapes", cityscapes("train"), options);
    assert.deepEqual(
      await labelsOf(ids, 1),
      blocks(SIZES[1]!, [...range(35), 255], 1).map(mapped(LABEL_IDS, space)),
    );
    const train = open("cityscapes", cityscapes("train"), { ...options, labels: "labelTrainIds" });
    assert.deepEqual(
      await labelsOf(train, 1),
      blocks(SIZES[1]!, [...range(19), 255], 1).map(mapped(TRAIN_IDS, space)),
    );
  });
}

Deno.test("without label_space: 19 classes, for synthia 16", () => {
  const registry = new Registry(datasets);
  const spaces = ["gtav", "synthia", "cityscapes"].map((name) =>
    registry.plan("dataset", name).labelSpace.name
  );
  assert.deepEqual(spaces, ["cityscapes-19", "synthia-16", "cityscapes-19"]);
});

Deno.test("images are the files' pixels, labels their partners'", async () => {
  const sample = await (await open("gtav", gtav())).read(1, { labels: true });
  assert.deepEqual([sample.id, sample.width, sample.height], ["00002", 48, 36]);
  assert.deepEqual([...sample.image.subarray(0, 4)], [101, 138, 175, 212]);
});

Deno.test("gtav reads grey ids of 8 and 16 bits, -1 included", async () => {
  const ids = blocks(small!, [7, 34, 0, 26]);
  const grey = (depth: 8 | 16, minusOne: number) =>
    rawPng({ ...small!, depth, colour: 0, samples: ids.map((id) => id === 0 ? minusOne : id) });
  const expected = ids.map((id) => ({ 7: 0, 26: 13 })[id] ?? 255);
  for (const png of [grey(8, 255), grey(16, 65535)]) {
    assert.deepEqual(await labelsOf(open("gtav", { ...gtav(1), "labels/00001.png": png })), expected);
  }
});

Deno.test("hidden files, as some archives hold, are no images", async () => {
  const nothing = new Uint8Array(3);
  const files = { ...gtav(1), "images/._00001.png": nothing, "labels/.x/00001.png": nothing };
  assert.deepEqual((await open("gtav", files)).ids, ["00001"]);
});

Deno.test("synthia reads ids of 16 bits in one channel", async () => {
  const samples = blocks(small!, [3, 22, 21]);
  const png = rawPng({ ...small!, depth: 16, colour: 0, samples });
  assert.deepEqual(
    await labelsOf(open("synthia", { ...synthia(1), "GT/LABELS/0000000.png": png })),
    samples.map((id) => ({ 3: 0, 21: 3 })[id] ?? 255),
  );
});

Deno.test("cityscapes reads the folder of its split", async () => {
  const files = { ...cityscapes("train", 1), ...cityscapes("val", 2) };
  assert.deepEqual((await open("cityscapes", files)).ids, ["bochum/bochum_000000_000010"]);
  assert.equal((await open("cityscapes", files, { split: "val" })).length, 2);
});

Deno.test("cityscapes' test split has images, and says why it has no labels", async () => {
  const dataset = await open("cityscapes", cityscapes("test"), { split: "test" });
  const why = "the labels of Cityscapes' test split are not published (its label files are dummies); " +
    "expected `split: train` or `split: val` where labels are needed";
  assert.equal(dataset.unlabelled, why);
  assert.equal((await dataset.read(0, { labels: false })).id, "bochum/bochum_000000_000010");
  const image = "/data/leftImg8bit/test/bochum/bochum_000000_000010_leftImg8bit.png";
  await refuses(dataset.read(0, { labels: true }), `${image}: ${why}`);
});

Deno.test("a target needs no label files", async () => {
  const files = without(gtav(), "labels/00001.png", "labels/00002.png", "labels/00003.png");
  const dataset = await open("gtav", files, {}, { labels: false });
  assert.equal((await dataset.read(2, { labels: false })).id, "00003");
  await refuses(
    dataset.read(2, { labels: true }),
    "/data/images/00003.png: this image has no label file, and labels are needed here",
  );
});

Deno.test("root: three datasets in folders of one data.root, or one elsewhere", async () => {
  const files = { ...below("gta5", gtav(1)), ...below("syn", synthia(2)) };
  assert.equal((await open("gtav", files, { root: "gta5" })).length, 1);
  assert.equal((await open("synthia", files, { root: "syn" })).length, 2);
  assert.equal((await open("gtav", files, { root: "/data/gta5" }, { root: "" })).length, 1);
  const registry = new Registry(datasets);
  const needs = (options: unknown) => registry.plan("dataset", { type: "gtav", options }).needsRoot;
  assert.deepEqual([needs({}), needs({ root: "gta5" }), needs({ root: "/gta5" })], [true, true, false]);
  await refuses(
    open("gtav", files, { root: "gta5" }, { root: "" }),
    "data.root: it is not set; expected the folder that holds the data",
  );
});

const LIST = "images/00002.png\tlabels/00002.png\n# a comment\nimages/00001.png\tlabels/00001.png\n";

Deno.test("list: paths start at the dataset's folder or at data.root, ids are the folders'", async () => {
  const own = await open("gtav", { ...gtav(), "two.lst": LIST }, { list: "two.lst" });
  assert.deepEqual(own.ids, ["00002", "00001"]);
  assert.equal((await own.read(0, { labels: true })).width, 48);
  const shared = {
    ...below("gta5", gtav()),
    "gta5/own.lst": LIST,
    "shared.lst": LIST.replaceAll("images/", "./gta5/images/").replaceAll("labels/", "gta5/labels/"),
  };
  for (const list of ["own.lst", "shared.lst", "/data/shared.lst"]) {
    const dataset = await open("gtav", shared, { root: "gta5", list });
    assert.deepEqual(dataset.ids, ["00002", "00001"]);
    assert.equal((await dataset.read(1, { labels: true })).labels!.length, 41 * 33);
  }
  // Lists that others publish often begin their paths with a slash.
  const slashed = {
    ...gtav(),
    "two.lst": LIST.replaceAll("images/", "/images/").replaceAll("labels/", "/labels/"),
  };
  const lenient = await open("gtav", slashed, { list: "two.lst" });
  assert.deepEqual(lenient.ids, ["00002", "00001"]);
  assert.equal((await lenient.read(0, { labels: true })).width, 48);
  const city = cityscapes("val", 1);
  const [image, labels] = Object.keys(city);
  const dataset = await open("cityscapes", { ...city, "a.lst": `${image}\t${labels}` }, { list: "a.lst" });
  assert.equal((await dataset.read(0, { labels: true })).labels!.length, 41 * 33);
  assert.deepEqual(dataset.ids, ["bochum/bochum_000000_000010"]);
});

Deno.test("exclude leaves pairs out by id, by name or by a path, broken ones too", async () => {
  const files = without(gtav(), "labels/00001.png");
  for (const name of ["00001", "00001.png", "images/00001.png", "labels/00001.png"]) {
    assert.deepEqual((await open("gtav", files, { exclude: [name] })).ids, ["00002", "00003"]);
  }
  const listed = open("gtav", { ...files, "two.lst": LIST }, { list: "two.lst", exclude: ["00001"] });
  assert.deepEqual((await listed).ids, ["00002"]);
  await refuses(
    open("gtav", gtav(), { exclude: ["1", "00002", "x"] }),
    'exclude: GTAV has no image called "1", "x" here; expected ids as in "00001"',
  );
  await refuses(
    open("gtav", gtav(1), { exclude: ["00001"] }),
    "/data: no image is left after `exclude`",
  );
});

Deno.test("a JPEG and a PNG with transparency are images, a grey PNG is not", async () => {
  const { width, height } = small!;
  const clear = encode({ width, height, channels: 4, data: new Uint8Array(4 * width * height) });
  for (const image of [await picture(width, height, "jpeg"), clear]) {
    assert.equal((await labelsOf(open("gtav", { ...gtav(1), "images/00001.png": image }))).length, 41 * 33);
  }
  const grey = rawPng({ ...small!, depth: 1, colour: 0, samples: blocks(small!, [0, 1]) });
  await refuses(
    labelsOf(open("gtav", { ...gtav(1), "images/00001.png": grey })),
    "/data/images/00001.png: this is a grey PNG of 1 bit, as label files are; " +
      "expected a colour image of 8 bits (were images and labels swapped?)",
  );
});

Deno.test("a list names the files itself, so a split beside it is a mistake", async () => {
  await assert.rejects(async () => await open("cityscapes", {}, { list: "a", split: "val" }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.message, "data.source.options.split: a `list` names the files itself");
    return true;
  });
});
