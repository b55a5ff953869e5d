import assert from "node:assert/strict";
import { CITYSCAPES_SPACES } from "../../datasets/cityscapes_classes.ts";
import { guessClasses } from "../../datasets/found/classes.ts";
import { knownSpace } from "../../datasets/found/known_spaces.ts";
import { pairFiles } from "../../datasets/found/pairing.ts";
import { survey } from "../../datasets/found/survey.ts";
import type { FoundId } from "../../datasets/found/tally.ts";
import { labelPng, memoryFiles, picture } from "./memory_files.ts";

const numbered = (count: number, name: (k: string) => string) =>
  Array.from({ length: count }, (_, k) => name(String(k).padStart(4, "0")));

Deno.test("files are paired by the endings that pair most", () => {
  const cases = [
    ["", "", (k: string) => `${k}.jpg`, (k: string) => `${k}.png`],
    ["", "_L", (k: string) => `a/${k}.png`, (k: string) => `a/${k}_L.png`],
    ["_rgb", "_ids", (k: string) => `x_${k}_rgb.jpeg`, (k: string) => `x_${k}_ids.png`],
    ["", " mask", (k: string) => `scène ${k}.jpg`, (k: string) => `scène ${k} mask.png`],
    ["", ".jpg", (k: string) => `${k}.jpg`, (k: string) => `${k}.jpg.png`],
  ] as const;
  for (const [imageSuffix, labelSuffix, image, label] of cases) {
    const found = pairFiles({ images: numbered(12, image), labels: numbered(12, label), together: false });
    assert.deepEqual([found.imageSuffix, found.labelSuffix, found.prefixed], [
      imageSuffix,
      labelSuffix,
      false,
    ]);
    assert.deepEqual(
      found.pairs,
      numbered(12, image).map((name, k) => ({ image: name, labels: numbered(12, label)[k] })),
    );
  }
});

Deno.test("one image and one label file are paired as well", () => {
  const found = pairFiles({ images: ["one.jpg"], labels: ["one_mask.png"], together: false });
  assert.deepEqual(found.pairs, [{ image: "one.jpg", labels: "one_mask.png" }]);
});

Deno.test("of Cityscapes' four files an image the ids are taken", () => {
  const images = numbered(9, (k) => `aachen/aachen_${k}_000019_leftImg8bit.png`);
  const labels = ["color", "instanceIds", "labelIds", "labelTrainIds"].flatMap((kind) =>
    numbered(9, (k) => `aachen/aachen_${k}_000019_gtFine_${kind}.png`)
  );
  const found = pairFiles({ images, labels, together: false });
  assert.deepEqual([found.imageSuffix, found.labelSuffix, found.pairs.length], [
    "_leftImg8bit",
    "_gtFine_labelIds",
    9,
  ]);
  assert.deepEqual(found.orphans, []);
});

Deno.test("in one folder a file is an image or a label file, by its extension or its ending", () => {
  const byExtension = pairFiles({
    images: ["a.jpg", "a.png", "b.jpg", "b.png", "c.jpg"],
    labels: ["a.jpg", "a.png", "b.jpg", "b.png", "c.jpg"],
    together: true,
  });
  assert.deepEqual(byExtension.pairs, [{ image: "a.jpg", labels: "a.png" }, {
    image: "b.jpg",
    labels: "b.png",
  }]);
  assert.deepEqual([byExtension.unlabelled, byExtension.competing], [["c.jpg"], []]);
  const all = ["a.png", "a_L.png", "b.png", "b_L.png", "._b.png"];
  const byEnding = pairFiles({ images: all, labels: all, together: true });
  assert.deepEqual(byEnding.pairs, [{ image: "a.png", labels: "a_L.png" }, {
    image: "b.png",
    labels: "b_L.png",
  }]);
  assert.deepEqual([byEnding.unlabelled, byEnding.orphans, byEnding.competing], [[], [], []]);
});

Deno.test("names that differ at their beginning are paired where nothing else fits", () => {
  const found = pairFiles({
    images: numbered(5, (k) => `img_${k}.jpg`),
    labels: numbered(5, (k) => `mask_${k}.png`),
    together: false,
  });
  assert.deepEqual([found.pairs.length, found.prefixed], [5, true]);
  assert.deepEqual(found.pairs[3], { image: "img_0003.jpg", labels: "mask_0003.png" });
});

Deno.test("images without labels, labels without images and second pictures of one name are told", () => {
  const found = pairFiles({
    images: ["a.jpg", "a.png", "b.jpg", "c.jpg"],
    labels: ["a.png", "b.png", "d.png"],
    together: false,
  });
  assert.deepEqual(found.pairs.map(({ image }) => image), ["a.jpg", "b.jpg"]);
  assert.deepEqual([found.unlabelled, found.orphans, found.competing], [["c.jpg"], ["d.png"], ["a.png"]]);
});

/** Ids with the same share, from the first row to the last in the order given. */
const rows = (...ids: number[]): FoundId[] =>
  ids.map((id, at) => ({ id, pixels: 10, share: 1 / ids.length, height: (at + 0.5) / ids.length }))
    .toSorted((a, b) => a.id - b.id);

const byIndex = (...ids: number[]) => ({ ids: rows(...ids), by: "index" as const });
const byColour = (...ids: number[]) => ({ ids: rows(...ids), by: "colour" as const });

const LABEL_IDS = [23, 21, 11, 17, 20, 19, 12, 13, 24, 33, 26, 27, 28, 8, 22, 7, 1, 3];
const TRAIN_IDS = [10, 8, 2, 5, 6, 7, 3, 4, 11, 18, 13, 14, 15, 1, 9, 0, 255];
const SYNTHIA_IDS = [1, 6, 2, 7, 9, 15, 21, 5, 10, 11, 8, 12, 17, 19, 4, 3, 22, 0];
const CAMVID_IDS = [0, 5, 1, 2, 6, 7, 9, 10, 8, 4, 3, 11];

Deno.test("ids of a known data set are recognised, and only with the sky above the road", () => {
  const titles = [
    [LABEL_IDS, "Cityscapes' label ids, which GTAV has as well"],
    [TRAIN_IDS, "Cityscapes' train ids"],
    [SYNTHIA_IDS, "SYNTHIA's ids"],
    [CAMVID_IDS, "CamVid's ids as SegNet published them"],
  ] as const;
  for (const [ids, title] of titles) {
    assert.equal(knownSpace(rows(...ids))?.title, title);
    assert.equal(knownSpace(rows(...ids.toReversed())), undefined);
    assert.equal(knownSpace(rows(...ids, 77)), undefined);
  }
  assert.equal(knownSpace(rows(0, 1, 2, 3)), undefined);
  assert.equal(knownSpace([]), undefined);
});

Deno.test("SYNTHIA's and Cityscapes' ids meet in their sixteen classes", () => {
  const { source, target, ignoring } = guessClasses(byIndex(...SYNTHIA_IDS), byIndex(...LABEL_IDS));
  assert.equal(source.classes.length, 16);
  assert.deepEqual(source.classes.map(({ name }) => name), target!.classes.map(({ name }) => name));
  assert.deepEqual([source.classes[0], target!.classes[0]].map((found) => [found!.name, found!.ids]), [
    ["road", [3]],
    ["road", [7]],
  ]);
  // Terrain is a class of Cityscapes alone.
  assert.ok(target!.ignore.includes(22) && target!.ignore.includes(255) && !target!.ignore.includes(7));
  assert.equal(ignoring, "Ignored: the ids that they count nowhere.");
});

Deno.test("a few files of the target need not show every class of the source's space", () => {
  const { title, target } = guessClasses(byIndex(...CAMVID_IDS), byIndex(0, 3, 8));
  assert.equal(title, "CamVid's ids as SegNet published them");
  assert.deepEqual(target!.classes.map(({ ids }) => ids[0]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

Deno.test("labels of a target that mean other things are not mixed with the source's", () => {
  assert.equal(
    guessClasses(byIndex(...CAMVID_IDS), byIndex(0, 99)).unfit,
    "they hold id 99, which is none of them",
  );
  const { unfit, target } = guessClasses(byIndex(...LABEL_IDS), byIndex(...CAMVID_IDS));
  assert.deepEqual([unfit, target], ["they look like CamVid's ids as SegNet published them", undefined]);
});

Deno.test("unknown ids are named by their number; only 255 is taken for no class, and it is said", () => {
  const some = guessClasses(byIndex(0, 4, 9, 255), byIndex(4, 12));
  assert.deepEqual(some.source.classes.map(({ name, ids }) => [name, ...ids]), [
    ["class_0", 0],
    ["class_4", 4],
    ["class_9", 9],
    ["class_12", 12],
  ]);
  assert.deepEqual(some.source.classes.map(({ share }) => share), [0.25, 0.25, 0.25, 0]);
  assert.deepEqual([some.source.ignore, some.source.ignored, some.target!.ignore], [[255], 0.25, [255]]);
  assert.equal(
    some.ignoring,
    'Guessed: 255 means "no class" and is ignored. If 0 means `unlabelled`, move it to `ignore`.',
  );
  assert.equal(
    guessClasses(byIndex(1, 2, 3), undefined).ignoring,
    "Guessed: no id is ignored, since 255 is not there.",
  );
});

Deno.test("a mask of 0 and 255 has two classes", () => {
  const { source, ignoring } = guessClasses(byIndex(0, 255), undefined);
  assert.deepEqual(source.classes.map(({ name }) => name), ["class_0", "class_255"]);
  assert.deepEqual(source.ignore, []);
  assert.equal(ignoring, "Guessed: 0 and 255 are two classes, and nothing is ignored.");
});

Deno.test("Cityscapes' colours are recognised, others are classes called by their colour", () => {
  const painted = CITYSCAPES_SPACES["cityscapes-19"].colours!.map(([r, g, b]) => (r << 16) | (g << 8) | b);
  const sky = 0x4682b4, road = 0x804080;
  const others = painted.filter((colour) => colour !== sky && colour !== road);
  const known = guessClasses(byColour(sky, ...others, road, 0), undefined);
  assert.equal(known.title, "the colours of Cityscapes' classes");
  assert.deepEqual([known.source.classes[0], known.source.by].map((each) => JSON.stringify(each)), [
    '{"name":"road","ids":[8405120],"share":0.05}',
    '"colour"',
  ]);
  assert.ok(known.source.ignore.includes(0));
  const own = guessClasses(byColour(0, 0xff0000, 0x00ff00), undefined);
  assert.deepEqual(own.source.classes.map(({ name }) => name), [
    "class_000000",
    "class_00ff00",
    "class_ff0000",
  ]);
  assert.equal(
    own.ignoring,
    "Guessed: no colour is ignored. If black means `unlabelled`, move it to `ignore`.",
  );
  assert.equal(guessClasses(byIndex(1, 2), byColour(1, 2)).unfit, "they are colours, the source's ids");
});

Deno.test("labels of one id cannot be learnt from", () => {
  assert.throws(() => guessClasses(byIndex(3), undefined), {
    message: "the label files hold nothing but id 3; expected at least two classes",
  });
  assert.throws(() => guessClasses(byIndex(), undefined), {
    message: "the label files hold no pixel; expected at least two classes",
  });
});

Deno.test("a survey of many label files looks at a part of them, evenly spread", async () => {
  const image = await picture(600, 500), labels = labelPng(600, 500, new Array(300_000).fill(3));
  const names = numbered(2000, (k) => k);
  const files = memoryFiles(
    Object.fromEntries(names.flatMap((k) => [[`/i/${k}`, image], [`/l/${k}`, labels]])),
  );
  const pairs = names.map((k) => ({ image: `/i/${k}`, labels: `/l/${k}` }));
  const found = await survey(pairs, { files });
  assert.equal(found.looked, 400); // of 300,000 pixels each
  assert.ok(files.opened.includes("/l/0000") && files.opened.some((path) => path > "/l/1990"));
  const [{ height, ...only }] = found.ids as [FoundId];
  assert.deepEqual([only, found.ids.length], [{ id: 3, pixels: 400 * 300_000, share: 1 }, 1]);
  assert.ok(Math.abs(height - 0.5) < 1e-9);
  assert.deepEqual([found.sizes, found.shortSide, found.broken], [[[600, 500]], 500, []]);
});

Deno.test("a survey names pairs that cannot be used and counts the others", async () => {
  const files = memoryFiles({
    "/1": await picture(4, 2),
    "/1l": labelPng(4, 2, [1, 1, 1, 1, 5, 5, 5, 5]),
    "/2": await picture(4, 2),
    "/2l": labelPng(2, 4, [1, 1, 1, 1, 1, 1, 1, 1]),
    "/3": "no picture",
    "/4": await picture(4, 2),
    "/4l": "no labels",
  });
  const pairs = ["1", "2", "3", "4"].map((k) => ({ image: `/${k}`, labels: `/${k}l` }));
  const { ids, broken, looked } = await survey(pairs, { files });
  assert.deepEqual(ids, [
    { id: 1, pixels: 4, share: 0.5, height: 0.25 },
    { id: 5, pixels: 4, share: 0.5, height: 0.75 },
  ]);
  assert.equal(looked, 4);
  assert.deepEqual(broken.map(({ why }) => why), [
    "/2l: the labels are 2 x 4 pixels, the image 4 x 2",
    "/3: the image is damaged, cut short or not a JPEG or PNG",
    "/4l: the label image is damaged, cut short or not a PNG",
  ]);
});
