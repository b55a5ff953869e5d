/** Files of folders that compete, that are passed over, or that are something else than their place says. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import sharp from "sharp";
import type { DataError } from "../../core/errors.ts";
import type { Dataset, DatasetSetup } from "../../core/plugin.ts";
import { Registry } from "../../core/registry.ts";
import { datasets } from "../../datasets/mod.ts";
import { takenText } from "../../datasets/passed_over.ts";
import { labelPng, memoryFiles, picture } from "./memory_files.ts";
import { labelsOf, refuses } from "./open_layout.ts";
import { tiff } from "./tiff.ts";

const classes = { sky: [0], ground: [1] };
const photo = await picture(3, 2);
const jpeg = await picture(3, 2, "jpeg");
const mask = labelPng(3, 2, [0, 1, 0, 1, 1, 1]);

type Contents = Readonly<Record<string, Uint8Array | string>>;

function open(contents: Contents, options: object, setup: Partial<DatasetSetup> = {}): Promise<Dataset> {
  const files = memoryFiles(
    Object.fromEntries(Object.entries(contents).map(([path, bytes]) => [`/data/${path}`, bytes])),
  );
  const plan = new Registry(datasets).plan("dataset", { type: "folder", options: { classes, ...options } });
  return plan.open({ root: "/data", seed: 0, files, ...setup });
}

const told = ({ taken = [] }: Dataset) => taken.map(takenText);
const ONE = { images: "d", labels: "d" };
const TWO = { images: "i", labels: "l" };

Deno.test("photo and mask under one name in one folder: the photo is the image", async () => {
  const dataset = await open({ "d/a.jpg": jpeg, "d/a.png": mask, "d/b.jpg": jpeg, "d/b.png": mask }, ONE);
  assert.deepEqual(dataset.ids, ["a", "b"]);
  assert.deepEqual(told(dataset), [
    "d: 2 of 4 files taken as images; 2 passed over: label files (a.png, b.png)",
  ]);
  const apart = await open({ "i/a.jpg": jpeg, "l/a.png": mask }, TWO);
  assert.deepEqual(told(apart), []);
  const [found, expected] = await Promise.all([dataset, apart].map((each) => each.read(0, { labels: true })));
  assert.deepEqual([found!.image, found!.labels], [expected!.image, expected!.labels]);
  assert.deepEqual([...found!.labels!], [0, 1, 0, 1, 1, 1]);
  // Whoever does not open the labels takes the same images.
  assert.deepEqual((await open({ "d/a.jpg": jpeg, "d/a.png": mask }, ONE, { labels: false })).ids, ["a"]);
});

Deno.test("a file that could only be its own labels is no image", async () => {
  const dataset = await open({ "d/a.jpg": jpeg, "d/a.png": mask, "d/b.png": photo }, ONE);
  assert.deepEqual(dataset.ids, ["a"]);
  assert.deepEqual(told(dataset), [
    "d: 1 of 3 files taken as images; 1 passed over: label files (a.png); " +
    "1 passed over: an image and its own labels, by its name: no other file has it (b.png)",
    "d: 1 of 3 files taken as label files; 1 passed over: a label file without an image (b.png)",
  ]);
  await refuses(
    open({ "d/a.png": photo, "d/b.png": photo }, ONE),
    "/data/d: `images` and `labels` are this one folder, and each file would be its own labels (a.png); " +
      "expected image and labels under one name with two endings, as a.jpg and a.png, " +
      "or `image_suffix` and `label_suffix` that tell them apart, or two folders",
  );
  await refuses(
    open({ "d/a.png": photo, "d/a_L.png": mask }, ONE),
    "/data/d: `images` and `labels` are this one folder, and each file would be its own labels (a.png); " +
      "`label_suffix: _L` tells them apart",
  );
  await refuses(
    labelsOf(open({ "i/a.png": mask, "l/a.png": mask }, TWO)),
    "/data/l/a.png: it is the same as its image /data/i/a.png, byte for byte; expected a label file of its own",
  );
});

Deno.test("masks with a suffix in the images' folder are no images", async () => {
  const files = { "d/a.png": photo, "d/a_L.png": mask, "d/b.png": photo, "d/b_L.png": mask };
  const dataset = await open({ ...files, "d/._a_L.png": "" }, { ...ONE, label_suffix: "_L" });
  assert.deepEqual(dataset.ids, ["a", "b"]);
  assert.deepEqual(await labelsOf(Promise.resolve(dataset), 1), [0, 1, 0, 1, 1, 1]);
  assert.deepEqual(told(dataset), [
    "d: 2 of 4 files taken as images; 2 passed over: label files (a_L.png, b_L.png)",
  ]);
  assert.deepEqual((await open(files, { images: "d", label_suffix: "_L" })).ids, ["a", "b"]);
  const elsewhere = { ...files, "l/a_L.png": mask, "l/b_L.png": mask };
  assert.deepEqual((await open(elsewhere, { images: "d", labels: "l", label_suffix: "_L" })).ids, ["a", "b"]);
  // A photograph that is called so has labels of its own.
  const named = { "i/a.png": photo, "i/a_L.png": photo, "l/a_L.png": mask, "l/a_L_L.png": mask };
  assert.deepEqual((await open(named, { ...TWO, label_suffix: "_L" })).ids, ["a", "a_L"]);
});

Deno.test("masks with a suffix that nobody named: told, and refused where they show it", async () => {
  const files = { "d/a.jpg": jpeg, "d/a_mask.png": mask, "d/sub/b.jpg": jpeg, "d/sub/b_mask.png": mask };
  const dataset = await open(files, { images: "d" });
  assert.deepEqual(told(dataset), [
    "d: 4 of 4 files taken as images; 2 are named like the label file of another image (a_mask of a); " +
    "if so, say `labels: d` and `label_suffix: _mask`",
  ]);
  await refuses(
    dataset.read(1, { labels: false }),
    "/data/d/a_mask.png: this is a grey PNG named like the label file of /data/d/a.jpg; " +
      "`label_suffix: _mask` leaves such files out of the images",
  );
  await refuses(
    open(files, { images: "d", labels: "d" }),
    "/data/d/a.jpg: this image has no labels; expected /data/d/a.png; a_mask.png is there, " +
      "which `label_suffix: _mask` would take (and 1 more: /data/d/sub/b.jpg)",
  );
  // Grey photographs may be called so.
  const grey = { "d/a.png": mask, "d/a_seg.png": mask };
  assert.equal((await (await open(grey, { images: "d" })).read(1, { labels: false })).id, "a_seg");
});

Deno.test("two pictures, or two label files, of one name compete: both are named", async () => {
  const files = { "i/a.jpg": jpeg, "i/a.png": photo, "i/b.jpg": jpeg, "l/a.png": mask, "l/b.png": mask };
  const remedy = "leave one of them in the folder, or name the files in a `list`";
  const why = `/data/i/a.jpg: it competes with /data/i/a.png for the image "a"; ${remedy}`;
  await refuses(open(files, TWO), why);
  const messages: string[] = [];
  const onMissing = (errors: readonly DataError[]) =>
    void messages.push(...errors.map(({ message }) => message));
  const rest = await open(files, TWO, { onMissing });
  assert.deepEqual([rest.ids, messages], [["b"], [why]]);
  await refuses(
    open(files, { images: "i" }),
    `${why}; where a.png is the label file, give the folder as \`labels\` too`,
  );
  await refuses(
    open({ "i/a.jpg": jpeg, "l/a.PNG": mask, "l/a.png": mask }, TWO),
    `/data/l/a.PNG: it competes with /data/l/a.png for the labels of "a"; ${remedy}`,
  );
  await refuses(
    open({ "d/a.jpg": jpeg, "d/a.webp": photo, "d/a.png": mask }, ONE),
    `/data/d/a.jpg: it competes with /data/d/a.webp for the image "a"; ${remedy}`,
  );
  const listed = { ...files, "l.txt": "i/a.jpg l/a.png\ni/a.png l/b.png\ni/b.jpg l/b.png\n" };
  assert.deepEqual((await open(listed, { list: "l.txt" })).ids, ["i/a.jpg", "i/a.png", "i/b"]);
});

Deno.test("files in forms that are not read, and label files without an image, are counted", async () => {
  const dataset = await open({
    "i/a.jpg": jpeg,
    "i/b.bmp": "",
    "i/notes.txt": "",
    "i/._a.jpg": "",
    "i/.DS_Store": "",
    "l/a.png": mask,
    "l/b.png": mask,
    "l/c.tif": "",
  }, TWO);
  assert.deepEqual(told(dataset), [
    "i: 1 of 3 files taken as images; 1 passed over: no JPEG, PNG, TIFF or WebP, save it as PNG (b.bmp); " +
    "1 passed over: no JPEG, PNG, TIFF or WebP (notes.txt)",
    "l: 1 of 3 files taken as label files; 1 passed over: no PNG, save it as PNG with the same ids (c.tif); " +
    "1 passed over: a label file without an image (b.png)",
  ]);
  await refuses(
    open({ "i/a.bmp": "", "l/a.png": mask }, TWO),
    "/data/i: the folder holds no JPEG, PNG, TIFF or WebP, but a.bmp; save such files as PNG",
  );
  await refuses(
    open({ "i/c.jpg": jpeg, "l/c.tif": "" }, TWO),
    "/data/i/c.jpg: this image has no labels; expected /data/l/c.png; c.tif is there, but label files are PNGs",
  );
});

Deno.test("a folder of labels inside the images' holds no images, and the other way round", async () => {
  const labelsInside = { "d/a.png": photo, "d/masks/a.png": mask };
  const dataset = await open(labelsInside, { images: "d", labels: "d/masks" });
  assert.deepEqual([dataset.ids, told(dataset)], [["a"], []]);
  assert.deepEqual((await open(labelsInside, { images: "d", labels: "d/masks" }, { labels: false })).ids, [
    "a",
  ]);
  const imagesInside = { "d/a.png": mask, "d/photos/a.png": photo };
  const other = await open(imagesInside, { images: "d/photos", labels: "d" });
  assert.deepEqual([other.ids, told(other)], [["a"], []]);
});

const size = { width: 16, height: 12 };
const samples = Uint8Array.from({ length: 16 * 12 * 3 }, (_, k) => (k * 37) % 256);

Deno.test("TIFFs of 8 and 16 bits and WebPs are read, sample for sample", async () => {
  const raw = sharp(samples, { raw: { ...size, channels: 3 } });
  const deep = Uint16Array.from(samples, (value) => value * 256 + 91);
  const raw16 = sharp(deep, { raw: { ...size, channels: 3 } }).toColourspace("rgb16");
  const files: Record<string, Uint8Array> = {
    "i/webp.webp": await raw.clone().webp({ lossless: true }).toBuffer(),
    "i/tag.tif": tiff({ ...size, channels: 3, bits: 8, samples, unknownTag: true }),
    "i/upper.TIFF": tiff({ ...size, channels: 3, bits: 16, samples: deep }),
    "i/png16.png": encode({ ...size, channels: 3, depth: 16, data: deep }),
  };
  for (const compression of ["none", "lzw", "deflate"] as const) {
    files[`i/8_${compression}.tif`] = await raw.clone().tiff({ compression }).toBuffer();
    files[`i/16_${compression}.tiff`] = await raw16.clone().tiff({ compression }).toBuffer();
    files[`i/tiled_${compression}.tif`] = await raw.clone().tiff({
      compression,
      predictor: "horizontal",
      tile: true,
      tileWidth: 16,
      tileHeight: 16,
    }).toBuffer();
  }
  const dataset = await open(files, { images: "i" });
  assert.equal(dataset.length, 13);
  for (let k = 0; k < dataset.length; k++) {
    const { id, image } = await dataset.read(k, { labels: false });
    assert.deepEqual([...image], [...samples], id);
  }
  // A list and the datasets of streets read them as well.
  const listed = await open({ ...files, "l.txt": "i/16_lzw.tiff" }, { list: "l.txt" });
  assert.deepEqual([...(await listed.read(0, { labels: false })).image], [...samples]);
  const street = new Registry(datasets).plan("dataset", { type: "gtav", options: {} });
  const onDisk = memoryFiles({ "/data/images/1.webp": files["i/webp.webp"]!, "/data/labels/1.png": mask });
  const opened = await street.open({ root: "/data", seed: 0, files: onDisk });
  assert.deepEqual([...(await opened.read(0, { labels: false })).image], [...samples]);
});

Deno.test("TIFFs that hold no photograph, and bitmaps, are refused by what they are", async () => {
  const share = Float32Array.from(samples, (value) => value / 255);
  const bmp = new Uint8Array(70);
  bmp.set([0x42, 0x4d]);
  bmp[14] = 40;
  const whole = "expected whole numbers of 8 or 16 bits without sign: save it so, in the range that you want";
  for (
    const [name, bytes, message] of [
      [
        "f.tif",
        tiff({ ...size, channels: 3, bits: 32, format: 3, samples: share }),
        `this is a TIFF of floating-point numbers; ${whole}`,
      ],
      [
        "s.tif",
        tiff({ ...size, channels: 1, bits: 16, format: 2, samples }),
        `this is a TIFF of signed numbers of 16 bits; ${whole}`,
      ],
      [
        "u.tif",
        tiff({ ...size, channels: 1, bits: 32, samples }),
        `this is a TIFF of numbers of 32 bits; ${whole}`,
      ],
      [
        "m.tif",
        tiff({ ...size, height: 7, channels: 5, bits: 8, samples }),
        "this is a TIFF of 5 channels; expected grey or RGB: save three of them as an image",
      ],
      ["b.png", bmp, "this is a BMP, which is not read; save it as PNG"],
    ] as const
  ) {
    const dataset = await open({ [`i/${name}`]: bytes }, { images: "i" });
    await refuses(dataset.read(0, { labels: false }), `/data/i/${name}: ${message}`);
  }
  const cut = (await sharp(samples, { raw: { ...size, channels: 3 } }).tiff().toBuffer()).subarray(0, 300);
  const dataset = await open({ "i/c.tif": new Uint8Array(cut) }, { images: "i" });
  await assert.rejects(dataset.read(0, { labels: false }), { name: "DataError" });
});

Deno.test("names in two normal forms of Unicode are one name", async () => {
  const [composed, apart] = ["Zürich/é".normalize("NFC"), "Zürich/é".normalize("NFD")];
  assert.notEqual(composed, apart);
  for (const [image, label] of [[composed, apart], [apart, composed]]) {
    const dataset = open({ [`i/${image}.jpg`]: jpeg, [`l/${label}_ö.png`.normalize("NFD")]: mask }, {
      ...TWO,
      label_suffix: "_ö".normalize("NFC"),
    });
    assert.deepEqual(await labelsOf(dataset), [0, 1, 0, 1, 1, 1]);
    assert.deepEqual((await dataset).ids, [composed]);
  }
  await refuses(
    open({ [`i/${composed}.jpg`]: jpeg, [`i/${apart}.jpg`]: jpeg }, { images: "i" }),
    `/data/i/${apart}.jpg: it competes with /data/i/${composed}.jpg for the image "${composed}"; ` +
      "leave one of them in the folder, or name the files in a `list`",
  );
});

Deno.test("the street layouts count and refuse alike", async () => {
  const plan = new Registry(datasets).plan("dataset", { type: "gtav", options: {} });
  const files = memoryFiles({
    "/data/images/1.png": photo,
    "/data/images/1.jpg": jpeg,
    "/data/images/2.png": photo,
    "/data/images/2.bmp": "",
    "/data/labels/1.png": mask,
    "/data/labels/2.png": mask,
    "/data/labels/2.json": "",
  });
  const why = '/data/images/1.jpg: it competes with /data/images/1.png for the image "1"; ' +
    "leave one of them in the folder, or name the files in a `list`";
  await refuses(plan.open({ root: "/data", seed: 0, files }), why);
  const dataset = await plan.open({ root: "/data", seed: 0, files, onMissing: () => {} });
  assert.deepEqual([dataset.ids, told(dataset)], [["2"], [
    "images: 1 of 4 files taken as images; 1 passed over: no JPEG, PNG, TIFF or WebP, save it as PNG (2.bmp)",
    "labels: 2 of 3 files taken as label files; 1 passed over: no PNG (2.json)",
  ]]);
});
