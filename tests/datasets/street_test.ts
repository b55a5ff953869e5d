import assert from "node:assert/strict";
import { ConfigError } from "../../core/errors.ts";
import { Random } from "../../core/random.ts";
import { ID } from "../../datasets/street/classes.ts";
import { Canvas } from "../../datasets/street/raster.ts";
import { drawScene } from "../../datasets/street/scene.ts";
import { openDataset } from "./memory_files.ts";

const labelled = { labels: true };

Deno.test("a street image has the asked size and only the eight classes", async () => {
  for (const [width, height] of [[160, 96], [16, 16], [33, 57]] as const) {
    const dataset = await openDataset("street", { domain: "dusk", width, height, count: 5 });
    assert.equal(dataset.length, 5);
    const sample = await dataset.read(4, labelled);
    assert.equal(sample.image.length, width * height * 3);
    assert.equal(sample.labels!.length, width * height);
    assert.ok(sample.labels!.every((id) => id < 8));
  }
});

Deno.test("every class is common enough to be learnt", async () => {
  for (const domain of ["day", "dusk", "fog"]) {
    const dataset = await openDataset("street", { domain, count: 60 });
    const images = new Array<number>(8).fill(0), pixels = new Array<number>(8).fill(0);
    for (let index = 0; index < 60; index++) {
      const { labels } = await dataset.read(index, labelled);
      for (const id of labels!) pixels[id]!++;
      new Set(labels!).forEach((id) => images[id]!++);
    }
    for (let id = 0; id < 8; id++) {
      assert.ok(images[id]! >= 50, `${domain}: class ${id} is in ${images[id]} of 60 images`);
      const share = pixels[id]! / (60 * 160 * 96);
      assert.ok(share > 0.01 && share < 0.45, `${domain}: class ${id} covers ${share}`);
    }
  }
});

Deno.test("a stream decides a street; dusk is darker than day", async () => {
  const scene = (name: string) => JSON.stringify(drawScene(Random.stream(3, name)));
  assert.equal(scene("a"), scene("a"));
  assert.notEqual(scene("a"), scene("b"));
  const brightness = async (domain: string) => {
    const dataset = await openDataset("street", { domain });
    const samples = await Promise.all([0, 1, 2, 3, 4].map((index) => dataset.read(index, labelled)));
    return samples.reduce((sum, { image }) => sum + mean(image), 0);
  };
  assert.ok(await brightness("dusk") < 0.85 * await brightness("day"));
});

Deno.test("domains, splits, seeds and indices show different streets", async () => {
  const seen = new Set<string>();
  for (
    const [domain, split, seed, index] of [
      ["day", "train", 0, 0],
      ["dusk", "train", 0, 0],
      ["day", "val", 0, 0],
      ["day", "train", 1, 0],
      ["day", "train", 0, 1],
    ] as const
  ) {
    const dataset = await openDataset("street", { domain, split }, { seed });
    seen.add((await dataset.read(index, labelled)).labels!.join(""));
  }
  assert.equal(seen.size, 5);
});

Deno.test("ids name domain, split and index", async () => {
  const dataset = await openDataset("street", { domain: "fog", split: "test" });
  assert.equal((await dataset.read(7, { labels: false })).id, "fog_test_00007");
});

Deno.test("an unknown domain is refused", async () => {
  await assert.rejects(
    async () => await openDataset("street", { domain: "night" }),
    (error) =>
      error instanceof ConfigError &&
      error.message === 'data.source.options.domain: Invalid option: expected one of "day"|"dusk"|"fog"',
  );
});

Deno.test("a canvas writes colour and label of the same pixels", () => {
  const canvas = new Canvas({ width: 4, height: 3 }, { colour: [0, 0, 0], distance: 100 });
  const ink = { colour: [200, 100, 50], clear: 1, label: ID.car } as const;
  canvas.rectangle([1, 1], [3, 2], ink);
  assert.deepEqual([...canvas.labels], [0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0]);
  const painted = [...canvas.colours].flatMap((value, at) => value > 0 ? [at] : []);
  assert.deepEqual(painted, [15, 16, 17, 18, 19, 20]);
  canvas.polygon([[3, 0], [4, 0], [4, 3], [3, 3]], { ...ink, label: ID.pole });
  assert.deepEqual([...canvas.labels], [0, 0, 0, 7, 0, 5, 5, 7, 0, 0, 0, 7]);
  canvas.rectangle([0.2, -5], [0.3, 9], { ...ink, label: ID.person });
  assert.deepEqual([...canvas.labels], [6, 0, 0, 7, 6, 5, 5, 7, 6, 0, 0, 7]);
});

function mean(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum + byte, 0) / bytes.length;
}
