/** `plca data check`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { below, blocks, cityscapes, gtav, SIZES, writeFiles } from "../datasets/layouts.ts";
import { colourPng, palettePng } from "../datasets/png.ts";
import { plca } from "./fake_host.ts";
import { CITY, FAULTY, sets, SOUND, timeless, tiny } from "./paper_data.ts";

tiny("data check of a sound source", SOUND, async (folder) => {
  const { code, stdout, stderr } = await plca(["data", "check", "tiny.yaml", "--split", "source"], {
    cwd: folder,
  });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    timeless(stdout),
    `source: gtav, 2 images
  sizes   41x33 (1), 48x36 (1)
  labels  cityscapes-19, 33.4 % of the pixels ignored, counted in 2 images
  time    # s per image

  class          pixels %  images %
  road             50.292     100.0
  sidewalk          0.000       0.0
  building          0.000       0.0
  wall              0.000       0.0
  fence             0.000       0.0
  pole              0.000       0.0
  traffic light     0.000       0.0
  traffic sign      0.000       0.0
  vegetation        0.000       0.0
  terrain           0.000       0.0
  sky               0.000       0.0
  person            0.000       0.0
  rider             0.000       0.0
  car              49.708     100.0
  truck             0.000       0.0
  bus               0.000       0.0
  train             0.000       0.0
  motorcycle        0.000       0.0
  bicycle           0.000       0.0

Nothing is broken.
`,
  );
});

tiny("data check of the whole recipe as JSON", SOUND, async (folder) => {
  await Deno.remove(join(folder, "sets/city/gtFine/train"), { recursive: true });
  const { code, stdout } = await plca(["data", "check", "tiny.yaml", "--json", "--limit", "1"], {
    cwd: folder,
  });
  assert.equal(code, 0);
  const { recipe, broken, datasets } = JSON.parse(stdout);
  assert.deepEqual([recipe, broken, Object.keys(datasets)], ["tiny", [], ["source", "target", "val"]]);
  const { source, target, val } = datasets;
  assert.deepEqual([source.type, source.summary.images, source.summary.inspected], ["gtav", 2, 1]);
  assert.deepEqual(source.summary.sizes, [{ width: 41, height: 33, images: 1 }]);
  const ids = blocks(SIZES[0]!, [7, 26, 0]);
  const count = (id: number) => ids.filter((each) => each === id).length;
  const { classes, ignored } = source.summary.labels;
  assert.equal(ignored, count(0) / ids.length);
  assert.deepEqual(classes[0], {
    name: "road",
    pixels: count(7),
    pixelShare: count(7) / (count(7) + count(26)),
    images: 1,
    imageShare: 1,
  });
  assert.equal(classes[13].pixels, count(26));
  assert.deepEqual([target.unlabelled, target.summary.labels], ["not every image has labels", undefined]);
  assert.equal(val.summary.labels.classes[18].images, 1);
  assert.ok(source.summary.secondsPerImage > 0);
});

const STREAMS = `
streams:
  few: { dataset: { type: gtav, root: few } }
  more: { dataset: { use: ./mine.ts } }
phases:
  - name: first
    losses: { few: { type: cross-entropy, options: { stream: few } } }
  - name: second
    losses: { few: { type: cross-entropy, options: { stream: few } } }
  - name: third
    streams: { few: { dataset: { root: other } } }
    losses:
      few: { type: cross-entropy, options: { stream: few } }
      more: { type: cross-entropy, options: { stream: more } }
`;

tiny("data check looks at the datasets of streams, of phases as well", {
  ...SOUND,
  ...below("few", gtav(2, [99])),
  ...below("other", gtav(3, [7])),
}, async (folder) => {
  await Deno.writeTextFile(
    join(folder, "tiny.yaml"),
    await Deno.readTextFile(join(folder, "tiny.yaml")) + STREAMS,
  );
  const check = ["data", "check", "tiny.yaml", "--json"];
  const { code, stdout, stderr } = await plca(check, { cwd: folder });
  const { broken, datasets } = JSON.parse(stdout);
  assert.deepEqual([code, broken], [2, ["streams.few"]]);
  assert.deepEqual(
    Object.entries(datasets).map(([name, found]) => [
      name,
      (found as { summary: { images: number } }).summary.images,
    ]),
    [["source", 2], ["target", 2], ["val", 2], ["streams.few", 2], ["streams.few of third", 3]],
  );
  assert.equal(
    stderr,
    'streams.more: not looked at, for the dataset "mine" is not one of plca\'s: train and ablate run a ' +
      "recipe's own files, check, eval, predict and export with --import\n",
  );
  const only = await plca([...check, "--split", "source"], { cwd: folder });
  assert.deepEqual(Object.keys(JSON.parse(only.stdout).datasets), ["source"]);
});

tiny("data check names planted faults together and ends with 2", FAULTY, async (folder) => {
  const { code, stdout, stderr } = await plca(["data", "check", "tiny.yaml", "--split", "source"], {
    cwd: folder,
  });
  assert.deepEqual([code, stderr], [2, ""]);
  const at = join(folder, "sets/gta5");
  const expected = "not known; expected Cityscapes' label ids 0 to 34, or 255 for -1";
  assert.equal(
    stdout.slice(stdout.indexOf("\n\n  broken")),
    `

  broken: 1 missing, 2 not usable, 1 of another size than their image, 2 with unknown ids
  unknown ids: 80 in 1 file, 99 in 2 files
    ${at}/labels/00007.png: there is no such label file; images/00007.png has no labels without it
    ${at}/labels/00001.png: the labels are 40 x 33 pixels, their image ${at}/images/00001.png is 41 x 33
    ${at}/labels/00002.png: the label image has 3 channels; expected GTAV's palette files, one channel of class ids, not colours
    ${at}/labels/00003.png: label ids 80 at pixel (8, 0), 99 at pixel (4, 0) are ${expected}
    ${at}/labels/00004.png: label id 99 at pixel (0, 0) is ${expected}
    ${at}/images/00005.png: the image is damaged, cut short or not a JPEG or PNG

Broken: source.
`,
  );
  assert.match(
    timeless(stdout),
    /^source: gtav, 6 images\n {2}sizes {3}41x33 \(2\), 40x40 \(2\), 48x36 \(1\)\n/,
  );
  const json = JSON.parse(
    (await plca(["data", "check", "tiny.yaml", "--split", "source", "--json"], { cwd: folder })).stdout,
  );
  assert.deepEqual(json.broken, ["source"]);
  const { faults, unknownIds } = json.datasets.source.summary;
  assert.deepEqual(faults.map(({ kind }: { kind: string }) => kind), [
    "missing",
    "sizes",
    "unreadable",
    "ids",
    "ids",
    "unreadable",
  ]);
  assert.deepEqual(unknownIds, [{ id: 80, files: 1 }, { id: 99, files: 2 }]);
});

tiny("data check says what it passes over of the folders, and what competes", {
  ...SOUND,
  "gta5/images/notes.txt": new Uint8Array(1),
  "gta5/images/00002.bmp": new Uint8Array(1),
  "gta5/labels/00001.PNG": palettePng(SIZES[0]!, blocks(SIZES[0]!, [7])),
}, async (folder) => {
  const check = ["data", "check", "tiny.yaml", "--split", "source"];
  const { code, stdout } = await plca(check, { cwd: folder });
  const at = join(folder, "sets/gta5");
  const no = "no JPEG, PNG, TIFF or WebP";
  assert.equal(code, 2);
  assert.ok(
    timeless(stdout).startsWith(`source: gtav, 1 image
  files   images: 2 of 4 files taken as images; 1 passed over: ${no}, save it as PNG (00002.bmp); \
1 passed over: ${no} (notes.txt)
  sizes   48x36 (1)
`),
    stdout,
  );
  assert.ok(
    stdout.endsWith(`
  broken: 1 competing for a name
    ${at}/labels/00001.PNG: it competes with ${at}/labels/00001.png for the labels of "00001"; leave one of them \
in the folder, or name the files in a \`list\`

Broken: source.
`),
    stdout,
  );
  const json = JSON.parse((await plca([...check, "--json"], { cwd: folder })).stdout);
  assert.deepEqual(json.datasets.source.files, [{
    place: "images",
    as: "images",
    of: 4,
    taken: 2,
    passedOver: [
      { why: `${no}, save it as PNG`, count: 1, named: ["00002.bmp"] },
      { why: no, count: 1, named: ["notes.txt"] },
    ],
  }]);
  assert.equal(json.datasets.source.summary.faults[0].kind, "competing");
});

const MANY = below("gta5", gtav(24, [99]));

tiny("data check names twenty broken files, --json all", MANY, async (folder) => {
  const check = ["data", "check", "tiny.yaml", "--split", "source"];
  const { stdout } = await plca(check, { cwd: folder });
  assert.match(stdout, /\n {4}and 4 more; --json names all\n\nBroken: source\.\n$/);
  assert.equal(stdout.match(/label id 99 at pixel/g)?.length, 20);
  const json = JSON.parse((await plca([...check, "--json"], { cwd: folder })).stdout);
  assert.equal(json.datasets.source.summary.faults.length, 24);
});

tiny("data check counts 150,000 missing images, more than a call takes arguments", SOUND, async (folder) => {
  const missing = Array.from({ length: 150_000 }, (_, k) => `images/x${k}.png\tlabels/00001.png\n`).join("");
  const whole = "images/00001.png\tlabels/00001.png\n";
  await Deno.writeTextFile(join(folder, "sets/gta5/many.lst"), `${whole}${missing}`);
  const { code, stdout, stderr } = await plca(
    ["data", "check", "tiny.yaml", "--split", "source", ...sets("data.source.list=many.lst")],
    { cwd: folder },
  );
  assert.deepEqual([code, stderr], [2, ""]);
  assert.match(stdout, /^source: gtav, 1 images?\n/);
  assert.match(stdout, /\n {2}broken: 150000 missing\n/);
  assert.match(stdout, /\n {4}and 149980 more; --json names all\n\nBroken: source\.\n$/);
});

tiny("data check: datasets that cannot be opened, one line each", SOUND, async (folder) => {
  const wrong = sets("data.source.root=gta", "data.val.root=.");
  const { code, stdout, stderr } = await plca(["data", "check", "tiny.yaml", ...wrong], { cwd: folder });
  assert.deepEqual([code, stderr], [2, ""]);
  assert.ok(
    stdout.startsWith(`source: gtav, 0 images

  broken: 1 not usable
    ${folder}/sets/gta/images: there is no such folder; the folder of GTAV holds images/00001.png and \
labels/00001.png (data.root is ${folder}/sets, root is gta)

target: cityscapes, 2 images
`),
    stdout,
  );
  assert.ok(stdout.endsWith("\n\nBroken: source, val.\n"));
});

tiny("data check: val needs labels, test does without", SOUND, async (folder) => {
  await writeFiles(join(folder, "sets/city"), cityscapes("test", 1));
  const check = ["data", "check", "tiny.yaml", "--split", "val", "--split", "test"];
  const test = "{ type: cityscapes, root: city, split: test }";
  const why = "the labels of Cityscapes' test split are not published (its label files are dummies); " +
    "expected `split: train` or `split: val` where labels are needed";
  const { code, stdout } = await plca([...check, ...sets(`data.test=${test}`)], { cwd: folder });
  assert.equal(code, 0);
  assert.ok(
    stdout.includes(`test: cityscapes, 1 image\n  sizes   41x33 (1)\n  labels  not looked at: ${why}\n`),
    stdout,
  );
  const wrong = await plca([...check.slice(0, -2), ...sets(`data.val=${test}`)], { cwd: folder });
  assert.equal(wrong.code, 2);
  assert.ok(
    wrong.stdout.includes(`  broken: 1 not usable\n    data.val: it needs labels, but ${why}\n`),
    wrong.stdout,
  );
});

tiny("data check: where every pair is incomplete, nothing is said of labels in general", {
  "gta5/images/00001.png": colourPng(SIZES[0]!),
  "gta5/labels/00002.png": palettePng(SIZES[0]!, blocks(SIZES[0]!, [7])),
}, async (folder) => {
  const { code, stdout } = await plca(["data", "check", "tiny.yaml", "--split", "source"], { cwd: folder });
  const at = join(folder, "sets/gta5");
  assert.equal(code, 2);
  assert.equal(
    stdout,
    `source: gtav, 0 images

  broken: 2 missing
    ${at}/labels/00001.png: there is no such label file; images/00001.png has no labels without it
    ${at}/images/00002.png: there is no such image; labels/00002.png has no image without it

Broken: source.
`,
  );
});

const RANGE = Array.from({ length: 19 }, (_, id) => id);
const CONVERTED = { ...below("gta5", gtav(2, [...RANGE, 255])), ...below("city", CITY) };

tiny("data check hints at train ids that are read as label ids", CONVERTED, async (folder) => {
  const check = ["data", "check", "tiny.yaml"];
  const { code, stdout } = await plca(check, { cwd: folder });
  assert.equal(code, 0);
  const why = "no class with a label id above 18 occurs, as if the files held train ids; ";
  assert.deepEqual(stdout.match(/^ {2}hint.*$/gm), [
    `  hint    ${why}expected GTAV's label files as downloaded`,
  ]);
  assert.ok(stdout.endsWith("\n\nNothing is broken. With a hint: source.\n"), stdout);
  const at = join(folder, "sets/city/gtFine/val/bochum");
  for (const number of [10, 11]) {
    const stem = `${at}/bochum_000000_0000${number}_gtFine_`;
    await Deno.copyFile(`${stem}labelTrainIds.png`, `${stem}labelIds.png`);
  }
  const hints = async (...more: string[]) => {
    const { stdout } = await plca([...check, "--json", "--split", "val", ...more], { cwd: folder });
    return JSON.parse(stdout).datasets.val.hint;
  };
  assert.equal(await hints(), `${why}\`labels: labelTrainIds\` reads train ids`);
  assert.equal(await hints(...sets("data.val.labels=labelTrainIds")), undefined);
});

tiny("data check stops at Ctrl-C", SOUND, async (folder) => {
  const onWrite = (text: string, interrupt: () => void) => {
    if (text.startsWith("source")) interrupt();
  };
  const { code, stderr } = await plca(["data", "check", "tiny.yaml"], { cwd: folder, onWrite });
  assert.deepEqual([code, stderr], [
    130,
    "Stopping after the image in work. Ctrl-C again stops at once.\nInterrupted before every image was looked at.\n",
  ]);
});

tiny("data check of a dataset that the recipe does not have", SOUND, async (folder) => {
  const { code, stderr } = await plca(["data", "check", "tiny.yaml", "--split", "test"], { cwd: folder });
  assert.deepEqual([code, stderr], [2, "the recipe has no test dataset; it has source, target, val\n"]);
});
