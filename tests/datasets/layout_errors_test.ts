/** What gtav, synthia and cityscapes refuse, in which words. */
import assert from "node:assert/strict";
import type { DataError } from "../../core/errors.ts";
import { blocks, cityscapes, gtav, SIZES, synthia } from "./layouts.ts";
import { labelPng, memoryFiles } from "./memory_files.ts";
import { labelsOf, open, refuses, without } from "./open_layout.ts";
import { colourPng, palettePng, rawPng } from "./png.ts";

const [small] = SIZES;
const range = (count: number) => Array.from({ length: count }, (_, k) => k);
const LIST = "images/00002.png\tlabels/00002.png\n# a comment\nimages/00001.png\tlabels/00001.png\n";

Deno.test("a wrong root is named with what was expected there", async () => {
  await refuses(
    open("gtav", synthia(), { root: "gta5" }),
    "/data/gta5/images: there is no such folder; the folder of GTAV holds images/00001.png and labels/00001.png " +
      "(data.root is /data, root is gta5)",
  );
  await refuses(
    open("synthia", gtav()),
    "/data/RGB: there is no such folder; the folder of SYNTHIA holds RGB/0000000.png and GT/LABELS/0000000.png " +
      "(data.root is /data)",
  );
  await refuses(
    open("cityscapes", gtav(), { split: "val", root: "/data" }, { root: "/elsewhere" }),
    "/data/leftImg8bit/val: there is no such folder; the folder of Cityscapes holds " +
      "leftImg8bit/val/frankfurt/frankfurt_000000_000294_leftImg8bit.png and " +
      "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png (root is /data)",
  );
  await refuses(
    open("gtav", { "a.lst": LIST }, { list: "a.lst", root: "gta5" }),
    "/data/gta5: there is no such folder; expected the folder of GTAV (data.root is /data, root is gta5)",
  );
});

Deno.test("an empty folder, and one without images or labels", async () => {
  const empty = (folder: string) => {
    const files = memoryFiles({ "/data/labels/readme.txt": "" });
    const list = (path: string) => path === folder ? Promise.resolve([]) : files.list(path);
    return { files: { ...files, list } };
  };
  await refuses(
    open("gtav", {}, {}, empty("/data/images")),
    "/data/images: the folder is empty; expected images",
  );
  await refuses(
    open("gtav", { "images/readme.txt": "" }),
    "/data/images: the folder holds no JPEG, PNG, TIFF or WebP",
  );
  await refuses(
    open("gtav", { "images/a.png": colourPng(small!), "labels/readme.txt": "" }),
    "/data/labels: the folder holds no label PNG",
  );
  const stem = "gtFine/train/bochum/bochum_000000_000010_gtFine_";
  await refuses(
    open("cityscapes", without(cityscapes("train", 1), `${stem}labelIds.png`, `${stem}labelTrainIds.png`)),
    '/data/gtFine/train: the folder holds no label PNG whose name ends in "_gtFine_labelIds"',
  );
});

Deno.test("half a dataset: all missing pairs in one error", async () => {
  const labels = Object.keys(gtav(6)).filter((path) => path.startsWith("labels/")).slice(1);
  await refuses(
    open("gtav", without(gtav(6), ...labels)),
    "/data: 5 of 6 pairs lack a file: 5 label files (labels/00002.png, labels/00003.png, labels/00004.png " +
      "and 2 more); complete the download, or leave them out with `exclude` or `list`",
  );
  await refuses(
    open("gtav", without(gtav(6), "images/00001.png", "labels/00004.png")),
    "/data: 2 of 6 pairs lack a file: 1 image (images/00001.png) and 1 label file (labels/00004.png); " +
      "complete the download, or leave them out with `exclude` or `list`",
  );
  await refuses(
    open("synthia", without(synthia(1), "GT/LABELS/0000000.png")),
    "/data/GT/LABELS: there is no such folder; SYNTHIA keeps the labels of its images there, " +
      "as in GT/LABELS/0000000.png",
  );
  await refuses(
    open("gtav", {
      ...gtav(2),
      "a.lst": `${LIST}images/7.png\tlabels/00001.png\nimages/00001.png\tlabels/8.png\n`,
    }, {
      list: "a.lst",
    }),
    "/data: 2 of 4 pairs lack a file: 1 image (images/7.png in line 4 of a.lst) and 1 label file " +
      "(labels/8.png in line 5 of a.lst); complete the download, or leave them out with `exclude` or `list`",
  );
});

Deno.test("whoever asks hears of every missing file, and gets the rest", async () => {
  const told: string[] = [];
  const onMissing = (missing: readonly DataError[]) =>
    void told.push(...missing.map(({ message }) => message));
  const files = { ...without(gtav(4), "images/00001.png", "labels/00004.png") };
  assert.deepEqual((await open("gtav", files, {}, { onMissing })).ids, ["00002", "00003"]);
  const listed = { ...files, "a.lst": LIST };
  assert.deepEqual((await open("gtav", listed, { list: "a.lst" }, { onMissing })).ids, ["00002"]);
  assert.deepEqual(told, [
    "/data/images/00001.png: there is no such image; labels/00001.png has no image without it",
    "/data/labels/00004.png: there is no such label file; images/00004.png has no labels without it",
    "/data/images/00001.png: there is no such image; line 3 of a.lst names it",
  ]);
});

Deno.test("a list with one column where labels are needed", async () => {
  const files = { ...gtav(2), "a.lst": "images/00001.png\tlabels/00001.png\nimages/00002.png\n" };
  await refuses(
    open("gtav", files, { list: "a.lst" }),
    "/data/a.lst: 1 of 2 lines name no label file (line 2: images/00002.png); " +
      "expected image, tab and labels, because labels are needed here",
  );
  assert.equal((await open("gtav", files, { list: "a.lst" }, { labels: false })).length, 2);
});

Deno.test("swapped folders and columns are recognised by what the files hold", async () => {
  const swapped = Object.fromEntries(
    Object.entries(gtav(1)).map(([path, bytes]) => [
      path.startsWith("images") ? path.replace("images", "labels") : path.replace("labels", "images"),
      bytes,
    ]),
  );
  await refuses(
    labelsOf(open("gtav", swapped)),
    "/data/images/00001.png: this is a palette PNG of 8 bits, as label files are; " +
      "expected a colour image of 8 bits (were images and labels swapped?)",
  );
  const files = { ...synthia(1), "a.lst": "GT/LABELS/0000000.png\tRGB/0000000.png\n" };
  await refuses(
    labelsOf(open("synthia", files, { list: "a.lst" })),
    "/data/GT/LABELS/0000000.png: this is a colour PNG of 16 bits, as label files are; " +
      "expected a colour image of 8 bits (were the two columns of a.lst swapped?)",
  );
  const moved = Object.fromEntries(
    Object.entries(cityscapes("train", 1)).map(([path, bytes]) => [
      path.startsWith("gtFine")
        ? path.replace("gtFine", "leftImg8bit")
        : path.replace("leftImg8bit", "gtFine"),
      bytes,
    ]),
  );
  await refuses(
    open("cityscapes", moved),
    '/data/leftImg8bit/train: the folder holds no JPEG, PNG, TIFF or WebP whose name ends in "_leftImg8bit", ' +
      "but bochum/bochum_000000_000010_gtFine_labelIds.png (were images and labels swapped?)",
  );
});

Deno.test("colours where ids are expected", async () => {
  await refuses(
    labelsOf(open("gtav", { ...gtav(1), "labels/00001.png": colourPng(small!) })),
    "/data/labels/00001.png: the label image has 3 channels; " +
      "expected GTAV's palette files, one channel of class ids, not colours",
  );
  await refuses(
    labelsOf(open("synthia", { ...synthia(1), "GT/LABELS/0000000.png": colourPng(small!) })),
    "/data/GT/LABELS/0000000.png: the label image has 8 bits, as the colour pictures of GT/COLOR; " +
      "expected the 16-bit files of GT/LABELS, with class ids in the first channel",
  );
  const city = "gtFine/train/bochum/bochum_000000_000010_gtFine_labelIds.png";
  await refuses(
    labelsOf(open("cityscapes", { ...cityscapes("train", 1), [city]: colourPng(small!) })),
    `/data/${city}: the label image has 3 channels; expected the _gtFine_labelIds.png files`,
  );
});

Deno.test("unknown ids: all of the file, with a pixel", async () => {
  const gtavWith = (samples: number[], depth: 8 | 16 = 8) =>
    labelsOf(
      open("gtav", { ...gtav(1), "labels/00001.png": rawPng({ ...small!, depth, colour: 0, samples }) }),
    );
  const ids = new Array<number>(41 * 33).fill(7);
  const planted = (plants: Readonly<Record<number, number>>) => Object.assign([...ids], plants);
  const expected = "expected Cityscapes' label ids 0 to 34, or 255 for -1";
  await refuses(
    gtavWith(planted({ 42: 35 })),
    `/data/labels/00001.png: label id 35 at pixel (1, 1) is not known; ${expected}`,
  );
  await refuses(
    gtavWith(planted({ 3: 300, 42: 35, 43: 35, 90: 256 }), 16),
    "/data/labels/00001.png: label ids 35 at pixel (1, 1), 256 at pixel (8, 2), 300 at pixel (3, 0) " +
      `are not known; ${expected}`,
  );
  await refuses(
    gtavWith(ids.map((_, k) => k < 100 ? k : 7)),
    `/data/labels/00001.png: label ids 35 to 99 (65 ids, 35 at pixel (35, 0)) are not known; ${expected}`,
  );
  await refuses(
    labelsOf(open("synthia", synthia(1, [...range(22), 23]))),
    "/data/GT/LABELS/0000000.png: label id 23 at pixel (0, 8) is not known; expected SYNTHIA's ids 0 to 22",
  );
  await refuses(
    labelsOf(open("cityscapes", cityscapes("train", 1), { list: "a.lst", labels: "labelTrainIds" }, {
      files: memoryFiles({
        "/data/a.lst": "a.png\tb.png",
        "/data/a.png": colourPng({ width: 2, height: 1 }),
        "/data/b.png": labelPng(2, 1, [18, 33]),
      }),
    })),
    "/data/b.png: label id 33 at pixel (1, 0) is not known; " +
      "expected Cityscapes' train ids 0 to 18, or 255 (`labels: labelIds` reads label ids)",
  );
});

Deno.test("sizes that differ", async () => {
  const size = { width: 40, height: 33 };
  await refuses(
    labelsOf(open("gtav", { ...gtav(1), "labels/00001.png": palettePng(size, blocks(size, [7])) })),
    "/data/labels/00001.png: the labels are 40 x 33 pixels, their image /data/images/00001.png is 41 x 33",
  );
});

Deno.test("a folder of Cityscapes' other label files only", async () => {
  const stem = "bochum/bochum_000000_000010_gtFine_";
  const only = (gone: string) => without(cityscapes("train", 1), `gtFine/train/${stem}${gone}.png`);
  await refuses(
    open("cityscapes", only("labelTrainIds"), { labels: "labelTrainIds" }),
    '/data/gtFine/train: the folder holds no label PNG whose name ends in "_gtFine_labelTrainIds", ' +
      `but ${stem}labelIds.png; \`labels: labelIds\` reads these files`,
  );
  await refuses(
    open("cityscapes", only("labelIds")),
    '/data/gtFine/train: the folder holds no label PNG whose name ends in "_gtFine_labelIds", ' +
      `but ${stem}labelTrainIds.png; \`labels: labelTrainIds\` reads these files`,
  );
});

Deno.test("a list of Cityscapes' other label files, whose ids would mean something else", async () => {
  const [image, , trainIds] = Object.keys(cityscapes("val", 1));
  const files = { ...cityscapes("val", 1), "a.lst": `# a comment\n${image}\t${trainIds}\n` };
  await refuses(
    open("cityscapes", files, { list: "a.lst" }),
    `/data/a.lst: line 2 names ${trainIds}; \`labels: labelTrainIds\` reads these files`,
  );
});
