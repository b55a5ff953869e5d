/** gtav, synthia and cityscapes in workers: the same batches, and the same findings of a check. */
import assert from "node:assert/strict";
import { inspections } from "../../../datasets/inspection.ts";
import { CITYSCAPES_SPACES } from "../../../datasets/cityscapes_classes.ts";
import { below, cityscapes, gtav, synthia, writeFiles } from "../layouts.ts";
import { colourPng } from "../png.ts";
import { batchesOf, imagesOf, planned, withInput } from "./disk.ts";

const EXAMPLES = [
  ["gtav", { root: "gta5", exclude: ["00002"] }],
  ["synthia", { root: "synthia", label_space: "synthia-13" }],
  ["cityscapes", { root: "cityscapes", split: "val", labels: "labelTrainIds" }],
] as const;

async function onDisk(body: (root: string) => Promise<void>) {
  const root = await Deno.makeTempDir();
  try {
    await writeFiles(root, {
      ...below("gta5", gtav(4)),
      ...below("synthia", synthia(4)),
      ...below("cityscapes", cityscapes("val", 4)),
    });
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

for (const [name, options] of EXAMPLES) {
  Deno.test(`${name}: the same seed gives the same bits with 0, 1 and 3 workers`, () =>
    onDisk(async (root) => {
      const results = (workers: number) =>
        withInput(planned(name, options), { workers, root }, async (dataset) => {
          assert.equal(dataset.workers?.count, workers === 0 ? undefined : workers);
          return [await batchesOf(dataset, 6), await imagesOf(dataset, { labelSize: "original", size: 31 })];
        });
      const expected = await results(0);
      assert.deepEqual(await results(1), expected);
      assert.deepEqual(await results(3), expected);
    }));
}

Deno.test("a target without label files is read by workers", () =>
  onDisk(async (root) => {
    await Deno.remove(`${root}/gta5/labels`, { recursive: true });
    await withInput(
      planned("gtav", { root: "gta5" }),
      { workers: 1, root, labels: false },
      async (dataset) => {
        assert.ok(dataset.workers);
        assert.equal((await batchesOf(dataset, 2, { labels: false })).length, 2);
      },
    );
  }));

Deno.test("what a check finds is the same with and without workers", () =>
  onDisk(async (root) => {
    await Deno.writeFile(`${root}/gta5/labels/00001.png`, colourPng({ width: 41, height: 33 }));
    await Deno.writeTextFile(`${root}/gta5/images/00002.png`, "nothing");
    const found = (workers: number) =>
      withInput(planned("gtav", { root: "gta5" }), { workers, root }, async (dataset) => {
        const all = [];
        const signal = new AbortController().signal;
        const space = CITYSCAPES_SPACES["cityscapes-19"];
        for await (const { seconds, ...rest } of inspections(dataset, { labels: true, space, signal })) {
          assert.ok(seconds >= 0);
          all.push(rest);
        }
        return all;
      });
    const expected = await found(0);
    assert.deepEqual(expected.map(({ id, size, fault }) => [id, size, fault?.kind]), [
      ["00001", [41, 33], "unreadable"],
      [undefined, undefined, "unreadable"],
      ["00003", [40, 40], undefined],
      ["00004", [41, 33], undefined],
    ]);
    const { pixels, ignored } = expected[2]!;
    assert.equal(pixels!.reduce((sum, count) => sum + count, ignored!), 1600);
    assert.deepEqual(await found(2), expected);
  }));
