/** What image and label files say of themselves: told by `plca data check`, `train` and `eval`. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { join } from "node:path";
import { pngHeader } from "../../datasets/png.ts";
import { scene, storedFor, tagged } from "../datasets/exif.ts";
import { labelPng, picture } from "../datasets/memory_files.ts";
import { type Files, writeFiles } from "../datasets/layouts.ts";
import { plca } from "./fake_host.ts";
import { sets } from "./paper_data.ts";
import { folderTest } from "./tiny.ts";

const RECIPE = `name: found
backend: wasm
data:
  root: .
  source: { type: folder, images: i, labels: l, ignore: [255], classes: &classes { a: [0], b: [1] } }
  target: { type: folder, images: t, classes: *classes }
  val: { type: folder, images: t, labels: v, ignore: [255], classes: *classes }
input: { crop: [24, 32], workers: 0 }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses: [{ type: cross-entropy }]
optimizer: { type: sgd, options: { lr: 0.01 } }
schedule: { type: poly }
training: { steps: 2, batch: 1 }
`;

const size = { width: 32, height: 24 };
const ids = (id: (x: number) => number) =>
  labelPng(32, 24, Array.from({ length: 32 * 24 }, (_, k) => id(k % 32)));
const halves = ids((x) => x < 16 ? 0 : 1), nothing = ids(() => 255);
const photo = await picture(32, 24);
const target = { "t/a.png": photo, "v/a.png": halves };

/** With a recipe and these files in a new folder. */
function found(name: string, files: Files, body: (folder: string) => Promise<void>): void {
  folderTest(name, async (folder) => {
    await Deno.writeTextFile(join(folder, "found.yaml"), RECIPE);
    await writeFiles(folder, files);
  }, body);
}

const check = (folder: string, ...more: string[]) =>
  plca(["data", "check", "found.yaml", "--split", "source", ...more], { cwd: folder });
const train = (folder: string, ...more: string[]) =>
  plca(["train", "found.yaml", "--run", "run", ...more], { cwd: folder });

async function turned(orientation: number): Promise<Uint8Array> {
  const pixels = storedFor(orientation, { ...size, data: scene(size) });
  return await tagged({ pixels, orientation, format: "jpeg" });
}

const ROTATED = {
  ...target,
  "i/a.jpg": await turned(3),
  "i/b.jpg": await turned(1),
  "l/a.png": halves,
  "l/b.png": halves,
};

found(
  "a rotation tag where labels exist: named, refused, and trained with once the recipe decides",
  ROTATED,
  async (folder) => {
    const checked = await check(folder);
    assert.equal(checked.code, 2);
    assert.ok(
      checked.stdout.endsWith(`
  broken: 1 with a rotation tag that the recipe has to decide on
    ${folder}/i/a.jpg: it has a rotation tag (EXIF orientation 3, upside down), and the recipe does not say whether \
its labels were drawn on it upright, as viewers and annotation tools show it (\`rotation: apply\`), or as it is stored \
(\`rotation: ignore\`)

Broken: source.
`),
      checked.stdout,
    );
    const refused = await train(folder);
    assert.deepEqual([refused.code, refused.stderr], [
      2,
      "data.source: 1 of 2 images with labels have a rotation tag, and the recipe does not say whether their labels were " +
      "drawn on the pictures upright, as viewers and annotation tools show them, or as they are stored: a.jpg (EXIF " +
      "orientation 3, upside down); `rotation: apply` turns them upright, `rotation: ignore` reads them as stored\n",
    ]);
    for (const rotation of ["apply", "ignore"]) {
      const decided = sets(`data.source.rotation=${rotation}`);
      assert.equal((await check(folder, ...decided)).code, 0);
      assert.equal((await train(folder, ...decided)).code, 0);
      await Deno.remove(join(folder, "run"), { recursive: true });
    }
  },
);

found("a rotation tag of the target, which has no labels: a hint", {
  ...target,
  "t/b.jpg": await turned(8),
  "i/a.png": photo,
  "l/a.png": halves,
}, async (folder) => {
  const { code, stdout } = await plca(["data", "check", "found.yaml", "--split", "target"], { cwd: folder });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n {2}hint {4}1 of 2 images with a rotation tag that is not followed: b\.jpg \(EXIF orientation 8, a quarter turn\); `rotation: apply` turns them upright, `rotation: ignore` says that they are meant as stored\n/,
  );
  assert.ok(stdout.endsWith("\nNothing is broken. With a hint: target.\n"), stdout);
});

const palette = (colours: number[][]) =>
  encode({ ...size, channels: 1, data: Uint8Array.from({ length: 768 }, (_, k) => k % 2), palette: colours });

found("palettes that differ: broken until the recipe says by what labels are read", {
  ...target,
  "i/a.png": photo,
  "i/b.png": photo,
  "l/a.png": palette([[128, 64, 128], [0, 0, 255]]),
  "l/b.png": palette([[0, 0, 255], [128, 64, 128]]),
}, async (folder) => {
  const why =
    "the palettes of label files differ: index 0 is #804080 in a.png and #0000ff in b.png, and 1 more index " +
    "differs; an index may then mean another class from file to file: `labels: { by: colour }`, with colours in " +
    "`classes`, reads what is shown, `labels: { by: index }` the indices all the same";
  const { code, stdout } = await check(folder);
  assert.equal(code, 2);
  assert.ok(
    stdout.endsWith(`\n  broken: 1 set of palettes that differ\n    a.png: ${why}\n\nBroken: source.\n`),
    stdout,
  );
  const refused = await train(folder);
  assert.deepEqual([refused.code, refused.stderr], [2, `data.source: ${why}\n`]);
  assert.equal((await check(folder, ...sets("data.source.labels={ folder: l, by: index }"))).code, 0);
  const colours = sets(
    "data.source.labels={ folder: l, by: colour }",
    "data.source.classes={ a: [[128, 64, 128]], b: [[0, 0, 255]] }",
    "data.source.ignore=[]",
  );
  const json = JSON.parse((await check(folder, "--json", ...colours)).stdout);
  assert.deepEqual(
    json.datasets.source.summary.labels.classes.map(({ pixels }: { pixels: number }) => pixels),
    [768, 768],
  );
  assert.equal((await train(folder, ...colours)).code, 0);
});

found("unknown colours are counted by file, the most frequent first", {
  ...target,
  "i/a.png": photo,
  "i/b.png": photo,
  "l/a.png": palette([[128, 64, 128], [1, 2, 3]]),
  "l/b.png": palette([[0, 0, 1], [1, 2, 3]]),
}, async (folder) => {
  const colours = sets(
    "data.source.labels={ folder: l, by: colour }",
    "data.source.classes={ a: [[128, 64, 128]], b: [[0, 0, 255]] }",
    "data.source.ignore=[]",
  );
  const { code, stdout } = await check(folder, ...colours);
  assert.equal(code, 2);
  assert.match(
    stdout,
    /\n {2}broken: 2 with unknown ids\n {2}unknown colours: #010203 in 2 files, #000001 in 1 file\n/,
  );
});

const dark = encode({
  ...size,
  channels: 1,
  depth: 16,
  data: Uint16Array.from({ length: 768 }, (_, k) => 900 + k),
});

found("16 bits of which a part is used: a hint, and none once the recipe names it", {
  ...target,
  "i/a.png": dark,
  "l/a.png": halves,
}, async (folder) => {
  const { code, stdout } = await check(folder);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /\n {2}hint {4}1 of 1 image of 16 bits use a small part of their range: samples of 900 to 1667 of 65535, which become 3 to 6 of 255 \(a\.png\); `range: \[900, 1667\]` in the recipe/,
  );
  const named = await check(folder, ...sets("data.source.range=[900, 1667]"));
  assert.ok(named.stdout.endsWith("\nNothing is broken.\n"), named.stdout);
});

const JPEG = await picture(32, 24, "jpeg");
const mask =
  "this is a JPEG, whose compression changes ids; save the masks as PNG from what they were made from";

found("masks saved as JPEG, by either name", {
  ...target,
  "i/a.png": photo,
  "i/b.png": photo,
  "i/c.png": photo,
  "l/a.png": JPEG,
  "l/b.jpg": JPEG,
  "l/c.JPEG": halves,
}, async (folder) => {
  const { code, stdout } = await check(folder);
  assert.equal(code, 2);
  // What is a PNG is read, whatever it is called.
  assert.ok(
    stdout.endsWith(
      `\n  broken: 2 not usable\n    ${folder}/l/a.png: ${mask}\n    ${folder}/l/b.jpg: ${mask}\n\nBroken: source.\n`,
    ),
    stdout,
  );
});

const BLANK = { "i/a.png": photo, "i/b.png": photo, "t/a.png": photo };

found("no labelled pixel in val: said by data check, train and eval; means are null", {
  ...BLANK,
  "l/a.png": halves,
  "l/b.png": halves,
  "v/a.png": nothing,
}, async (folder) => {
  const hint =
    "no pixel of its 1 image is labelled: every one has the ignore label, so there is nothing to learn from " +
    "or to compare with";
  const checked = await plca(["data", "check", "found.yaml"], { cwd: folder });
  assert.deepEqual([checked.code, checked.stdout.match(/^ {2}hint.*$/gm)], [0, [`  hint    ${hint}`]]);
  const trained = await train(folder);
  assert.equal(trained.code, 0);
  assert.match(
    trained.stdout,
    /\nfound: no pixel of val is labelled: 1 image with the ignore label alone, so there is no mean\n/,
  );
  assert.doesNotMatch(trained.stdout, /best so far|0\.0 %|of source was/);
  const evaluated = await plca(["eval", "--run", "run", "--json"], { cwd: folder });
  const { miou, pixelAccuracy, iou } = JSON.parse(evaluated.stdout);
  assert.deepEqual([miou, pixelAccuracy, iou], [null, null, [null, null]]);
  const line = "No pixel of val is labelled: 1 image with the ignore label alone, so there is no mean.\n";
  assert.equal(evaluated.stderr, line);
  assert.ok((await plca(["eval", "--run", "run"], { cwd: folder })).stdout.endsWith(`\n\n${line}`));
});

found("no labelled pixel in the source: said by data check and train", {
  ...BLANK,
  "l/a.png": nothing,
  "l/b.png": nothing,
  "v/a.png": halves,
}, async (folder) => {
  const { code, stdout } = await check(folder);
  assert.equal(code, 0);
  assert.match(stdout, /\n {2}hint {4}no pixel of its 2 images is labelled: /);
  const trained = await train(folder);
  assert.equal(trained.code, 0);
  assert.match(
    trained.stdout,
    /\nfound: no pixel of source was labelled in 2 images so far: all have the ignore label, from which nothing is learnt; plca data check counts the labels of every image\n/,
  );
  const stopped = await plca(
    ["train", "found.yaml", "--run", "other", ...sets("training.steps=1")],
    { cwd: folder },
  );
  assert.match(stopped.stdout, /\nfound: no pixel of source was labelled in 1 image so far/);
});

found("predict reads images as the target's are read", {
  "i/a.png": photo,
  "l/a.png": halves,
  "t/a.png": dark,
  "v/a.png": halves,
  "p/deep.png": dark,
  "p/turned.jpg": await turned(6),
}, async (folder) => {
  // The first sample of the 16 bits becomes 0, the last 255.
  const same = Uint8Array.from({ length: 768 }, (_, k) => Math.round(255 * k / 767));
  await Deno.writeFile(join(folder, "p/same.png"), encode({ ...size, channels: 1, data: same }));
  const options = sets(
    "data.target.range=[900, 1667]",
    "data.target.rotation=apply",
    "data.val.range=[900, 1667]",
  );
  assert.equal((await train(folder, ...options)).code, 0);
  const { code, stderr } = await plca(["predict", "p", "--run", "run", "--out", "o", "--confidence"], {
    cwd: folder,
  });
  assert.deepEqual([code, stderr], [0, ""]);
  const made = (name: string) => Deno.readFile(join(folder, "o/confidence", name));
  assert.deepEqual(await made("deep.png"), await made("same.png"));
  const { width, height } = pngHeader(await made("turned.png"))!;
  assert.deepEqual([width, height], [32, 24]);
});
