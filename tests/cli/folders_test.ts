/** A person's own folders as they are: what `plca data check` and `plca train` make of them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import sharp from "sharp";
import { blocks, type Files, SIZES, writeFiles } from "../datasets/layouts.ts";
import { colourPng, rawPng } from "../datasets/png.ts";
import { plca } from "./fake_host.ts";
import { folderTest } from "./tiny.ts";

const size = SIZES[1]!;

const recipe = (images: string, labels: string) =>
  `name: own
backend: wasm
data:
  root: .
  source: { type: folder, images: ${images}, labels: ${labels}, classes: &classes { sky: [0], ground: [1] } }
  target: { type: folder, images: ${images}, labels: ${labels}, classes: *classes }
input: { crop: 32, flip: false }
model: { type: deeplab-v2, options: { layers: [1, 1, 1, 1], width: 0.0625 } }
losses: [{ type: cross-entropy }]
optimizer: { type: sgd, options: { lr: 0.01 } }
schedule: { type: poly }
training: { steps: 2, batch: 1 }
`;

/** Photos and masks under one name in `one`, and in two folders below `apart`. */
async function photos(): Promise<Files> {
  const files: Files = {};
  for (const k of [0, 1]) {
    const jpeg = new Uint8Array(await sharp(colourPng(size, k)).jpeg().toBuffer());
    const mask = rawPng({ ...size, depth: 8, colour: 0, samples: blocks(size, [0, 1], k) });
    files[`one/p${k}.jpg`] = files[`apart/images/p${k}.jpg`] = jpeg;
    files[`one/p${k}.png`] = files[`apart/labels/p${k}.png`] = mask;
  }
  files["one/q.bmp"] = new Uint8Array(3);
  return files;
}

folderTest("photos and masks under one name train bit for bit as in two folders", async (folder) => {
  await writeFiles(folder, await photos());
  await Deno.writeTextFile(join(folder, "one.yaml"), recipe("one", "one"));
  await Deno.writeTextFile(join(folder, "apart.yaml"), recipe("apart/images", "apart/labels"));
}, async (folder) => {
  const events = async (name: string) => {
    const { code, stdout, stderr } = await plca(["train", name, "--json"], { cwd: folder });
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n").map((line) => JSON.parse(line));
  };
  const [one, apart] = [await events("one.yaml"), await events("apart.yaml")];
  const totals = (all: readonly { type: string; total?: number }[]) =>
    all.filter(({ type }) => type === "step").map(({ total }) => total);
  assert.equal(totals(one).length, 2);
  assert.deepEqual(totals(one), totals(apart));
  const notes = (all: typeof one) =>
    all.filter(({ type, message }) => type === "note" && !message.includes("no val split"))
      .map(({ message }) => message);
  const passed =
    "one: 2 of 5 files taken as images; 1 passed over: no JPEG, PNG, TIFF or WebP, save it as PNG " +
    "(q.bmp); 2 passed over: label files (p0.png, p1.png)";
  assert.deepEqual(notes(one), [`source: ${passed}`]);
  assert.deepEqual(notes(apart), []);
  const { code, stdout } = await plca(["data", "check", "one.yaml", "--split", "target"], { cwd: folder });
  assert.equal(code, 0);
  assert.ok(stdout.startsWith(`target: folder, 2 images\n  files   ${passed}\n`), stdout);
});

folderTest("two pictures of one name end train and check with a line that names both", async (folder) => {
  const files = await photos();
  await writeFiles(folder, { ...files, "apart/images/p0.png": colourPng(size) });
  await Deno.writeTextFile(join(folder, "apart.yaml"), recipe("apart/images", "apart/labels"));
}, async (folder) => {
  const at = join(folder, "apart/images");
  const why = `${at}/p0.jpg: it competes with ${at}/p0.png for the image "p0"; ` +
    "leave one of them in the folder, or name the files in a `list`";
  const trained = await plca(["train", "apart.yaml"], { cwd: folder });
  assert.equal(trained.code, 2);
  assert.ok(trained.stderr.includes(why), trained.stderr);
  const checked = await plca(["data", "check", "apart.yaml", "--split", "source"], { cwd: folder });
  assert.equal(checked.code, 2);
  assert.ok(checked.stdout.includes(`  broken: 1 competing for a name\n    ${why}\n`), checked.stdout);
});
