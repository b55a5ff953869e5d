/** What a job that labels images leaves and says, and how it goes through the images. */
import assert from "node:assert/strict";
import { builtins } from "../../builtins.ts";
import type { JobImage, JobTools, PredictionChange } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { unpackSoft } from "../../core/soft_labels.ts";
import { report } from "../../jobs/outcome.ts";

const IGNORE = 255;
const registry = builtins();

/** Everything that a job did. */
interface Done {
  readonly notes: string[];
  readonly labels: Map<string, Uint8Array>;
  readonly soft: Map<string, Uint8Array>;
  readonly asked: (PredictionChange | undefined)[];
  readonly preferred: unknown[];
  readonly passes: string[];
}

/** Tools of images of 1 x `pixels.length`, whose probabilities of two classes are p and 1 - p. */
function toolsOf(folder: string, images: readonly (readonly number[])[]): { tools: JobTools; done: Done } {
  const done: Done = { notes: [], labels: new Map(), soft: new Map(), asked: [], preferred: [], passes: [] };
  const image = (pixels: readonly number[], index: number): JobImage => ({
    id: `image ${index}`,
    index,
    count: images.length,
    height: 1,
    width: pixels.length,
    predict(how) {
      done.asked.push(how);
      return Promise.resolve({
        labels: Uint8Array.from(pixels, (p) => Number(p < 0.5)),
        confidence: Float32Array.from(pixels, (p) => Math.max(p, 1 - p)),
      });
    },
    async *rows(how) {
      done.asked.push(how);
      yield await Promise.resolve({
        first: 0,
        count: 1,
        probabilities: Float32Array.from(pixels.flatMap((p) => [p, 1 - p])),
      });
    },
  });
  const tools: JobTools = {
    folder,
    network: undefined as unknown as JobTools["network"],
    classes: ["road", "car"],
    ignoreLabel: IGNORE,
    random: Random.stream(0, "job"),
    signal: new AbortController().signal,
    async *images(stream) {
      done.passes.push(stream);
      for (const [index, pixels] of images.entries()) yield await Promise.resolve(image(pixels, index));
    },
    writeLabels: ({ id }, labels) => Promise.resolve(void done.labels.set(id, labels)),
    writeSoft: ({ id }, packed) => Promise.resolve(void done.soft.set(id, packed)),
    preferCrops: (preference) => void done.preferred.push(preference),
    note: (message) => void done.notes.push(message),
  };
  return { tools, done };
}

/** A test in a folder of its own. */
function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function labelled(
  folder: string,
  options: object,
  images: readonly (readonly number[])[],
): Promise<Done> {
  const { tools, done } = toolsOf(folder, images);
  await registry.plan("job", { type: "pseudo-labels", options }).run(tools);
  return done;
}

const outcome = {
  thresholds: Float32Array.of(0.5, 0.75),
  predicted: [6, 2],
  kept: [3, 0],
  rare: [1],
  pixels: 8,
};

test("report: thresholds by class in a file, and a sentence with the share and the classes without a label", async (folder) => {
  const { tools, done } = toolsOf(folder, []);
  await report(tools, outcome);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(`${folder}/thresholds.json`)), [
    { name: "road", threshold: 0.5, predicted: 6, labelled: 3 },
    { name: "car", threshold: 0.75, predicted: 2, labelled: 0, rare: true },
  ]);
  await report(tools, { ...outcome, kept: [3, 1] });
  assert.deepEqual(done.notes, [
    "37.5 % of the pixels have labels; none is car",
    "50.0 % of the pixels have labels",
  ]);
});

test("report: no label at all is an error, after the file was written", async (folder) => {
  const { tools } = toolsOf(folder, []);
  await assert.rejects(report(tools, { ...outcome, kept: [0, 0] }), {
    message:
      "no pixel of any image is confident enough for a label; lower its thresholds, or train longer before it",
  });
  assert.ok((await Deno.stat(`${folder}/thresholds.json`)).isFile);
});

test("pseudo-labels: with fixed thresholds one pass is enough, and every tenth of the images is told", async (folder) => {
  const images = Array.from({ length: 20 }, (_, k) => [k / 20, 0.95]);
  const done = await labelled(folder, {}, images);
  assert.deepEqual(done.passes, ["target"]);
  assert.deepEqual(done.notes.slice(0, 2), ["2 of 20 images labelled", "4 of 20 images labelled"]);
  assert.equal(done.notes.length, 11);
  assert.deepEqual([...done.labels.get("image 0")!], [1, 0]);
  assert.deepEqual([...done.labels.get("image 10")!], [IGNORE, 0]);
});

test("pseudo-labels: other thresholds, and crops to prefer, need a first pass that counts", async (folder) => {
  const images = [[0.9, 0.8, 0.7, 0.6], [0.9, 0.95, 0.85, 0.1]];
  const portion = await labelled(folder, { thresholds: "portion", share: 0.5, of: "third" }, images);
  assert.deepEqual(portion.passes, ["third", "third"]);
  assert.deepEqual(portion.notes.slice(0, 3), [
    "1 of 2 images counted",
    "2 of 2 images counted",
    "1 of 2 images labelled",
  ]);
  // Seven pixels of road: floor(3.5) of them reach the threshold; half of one pixel of car is none.
  assert.deepEqual([...portion.labels.values()].map((one) => [...one]), [[0, 255, 255, 255], [
    0,
    0,
    255,
    255,
  ]]);
  const preferring = await labelled(
    folder,
    { confidence: 0.5, prefer: { below: 0.3, chance: 0.25 } },
    images,
  );
  assert.deepEqual([preferring.passes.length, preferring.preferred], [2, [{ classes: [1], chance: 0.25 }]]);
  assert.deepEqual((await labelled(folder, { confidence: 0.5 }, images)).preferred, []);
});

test("pseudo-labels: how it predicts is said only as far as the options say it", async (folder) => {
  const images = [[0.99]];
  assert.deepEqual((await labelled(folder, {}, images)).asked, [{}]);
  const options = {
    flip: false,
    scales: [0.5, 1],
    aggregation: false,
    thresholds: "quantile",
    confidence: 0.5,
  };
  const how = { flip: false, scales: [0.5, 1], aggregation: false };
  assert.deepEqual((await labelled(folder, options, images)).asked, [how, how]);
});

test("pseudo-labels: relative and soft labels are written as they are chosen", async (folder) => {
  const images = [[0.75, 0.25, 0.5]];
  const options = { labels: "relative", confidence: 0.6 };
  assert.deepEqual([...(await labelled(folder, options, images)).labels.values()].map((one) => [...one]), [[
    0,
    1,
    255,
  ]]);
  const soft = await labelled(folder, { labels: "soft", confidence: 0.05, alpha: 1 }, images);
  assert.equal(soft.labels.size, 0);
  const shares = unpackSoft(soft.soft.get("image 0")!, 2);
  [0.75, 0.25, 0.25, 0.75, 0.5, 0.5].forEach((share, k) => assert.ok(Math.abs(shares[k]! - share) < 2 / 255));
  assert.ok(soft.notes.includes("100.0 % of the pixels have labels"));
});

Deno.test("pseudo-labels: it reads its stream, and leaves that stream's images with its labels", () => {
  const plan = registry.plan("job", { type: "pseudo-labels", options: { of: "third" } });
  assert.deepEqual(plan.reads, ["third"]);
  const third = { name: "third" } as never, left = { name: "left" } as never;
  const files = {
    folder: "",
    datasets: { third },
    relabelled: (given: unknown) => given === third ? left : undefined as never,
  };
  assert.equal(plan.dataset!(files), left);
});
