import assert from "node:assert/strict";
import { Registry } from "../../core/registry.ts";
import { datasets } from "../../datasets/mod.ts";
import { below, cityscapes, gtav, synthia } from "./layouts.ts";
import { labelPng, memoryFiles, openDataset, picture } from "./memory_files.ts";

const image = await picture(4, 3);
const labels = labelPng(4, 3, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]);
const disk = {
  "/data/list.txt": "images/a.png labels/a.png\nimages/b.png labels/b.png\n",
  "/data/images/a.png": image,
  "/data/images/b.png": image,
  "/data/labels/a.png": labels,
  "/data/labels/b.png": labels,
  ...below("/data/gta5", gtav()),
  ...below("/data/synthia", synthia()),
  ...below("/data/cityscapes", cityscapes("val")),
};
/** How each plugin is opened here; a plugin that is missing fails below. */
const examples: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  street: { domain: "dusk", width: 40, height: 24, count: 3 },
  gtav: { root: "gta5" },
  synthia: { root: "synthia" },
  cityscapes: { root: "cityscapes", split: "val" },
  camvid: { list: "list.txt" },
  // Streams are called here as the datasets behind them.
  joined: { of: [{ stream: "street", share: 0.7 }, { stream: "folder", mark: 0.5 }] },
  folder: { images: "images", labels: "labels", classes: { a: [0], b: [1], c: [2, 3] } },
};

for (const { name, kind, options, summary } of datasets) {
  const open = (files = memoryFiles(disk)) =>
    openDataset(name, examples[name]!, {
      files,
      stream: (name) => openDataset(name, examples[name]!, { files }),
    });

  Deno.test(`${name}: has an example here, a kind and a summary`, () => {
    assert.ok(examples[name]);
    assert.equal(kind, "dataset");
    assert.match(summary, /^[a-zA-Z].{10,80}[^.]$/);
    assert.ok(options.safeParse(examples[name]).success);
    assert.equal(options.safeParse({ ...examples[name], nonsense: 1 }).success, false);
  });

  Deno.test(`${name}: labels lie in the label space, images are whole`, async () => {
    const registry = new Registry(datasets);
    const plan = registry.plan("dataset", { type: name, options: examples[name] });
    // Joined images have the labels of their streams.
    const { labelSpace } = plan.streams
      ? registry.plan("dataset", { type: "street", options: examples["street"] })
      : plan;
    const dataset = await open();
    assert.ok(dataset.length >= 2);
    const ids = new Set<string>();
    for (let index = 0; index < dataset.length; index++) {
      const sample = await dataset.read(index, { labels: true });
      assert.equal(sample.image.length, sample.width * sample.height * 3);
      assert.equal(sample.labels!.length, sample.width * sample.height);
      for (const id of sample.labels!) {
        assert.ok(id < labelSpace.classes.length || id === labelSpace.ignore, `id ${id}`);
      }
      ids.add(sample.id);
    }
    assert.equal(ids.size, dataset.length);
  });

  Deno.test(`${name}: the same seed gives the same bytes, with labels or without`, async () => {
    const once = await (await open()).read(1, { labels: true });
    assert.deepEqual(await (await open()).read(1, { labels: true }), once);
    const { labels: _, ...bare } = once;
    assert.deepEqual(await (await open()).read(1, { labels: false }), bare);
  });

  Deno.test(`${name}: no label file is opened when labels are not wanted`, async () => {
    const files = memoryFiles(disk);
    const dataset = await open(files);
    for (let index = 0; index < dataset.length; index++) {
      assert.equal("labels" in await dataset.read(index, { labels: false }), false);
    }
    assert.deepEqual(files.opened.filter((path) => /labels|gtFine/i.test(path)), []);
  });
}
