/** Rare-class sampling: probabilities, draws, sequences, and statistics that do not fit. */
import assert from "node:assert/strict";
import { DataError } from "../../core/errors.ts";
import type { LabelSpace } from "../../core/label_space.ts";
import { Random } from "../../core/random.ts";
import { classStats, frequencies, readStats, renderStats } from "../../datasets/class_stats.ts";
import { trainLoader, type TrainLoaderOptions } from "../../datasets/loader.ts";
import { classProbabilities, openRareClasses, rareClassDraw } from "../../datasets/rare_classes.ts";
import { toFloat32 } from "../../weights/stored_tensor.ts";
import { relative } from "../goldens.ts";
import { type MethodCase, methodCases, stored } from "../methods.ts";
import { memoryFiles } from "./memory_files.ts";

const SPACE: LabelSpace = { name: "four", classes: ["road", "car", "train", "sky"], ignore: 255 };
const IMAGES = [
  { id: "a", pixels: [90, 10, 0, 0] },
  { id: "b", pixels: [50, 50, 0, 0] },
  { id: "c", pixels: [60, 30, 10, 0] },
  { id: "d", pixels: [40, 30, 30, 0] },
];
const STATS = classStats({ dataset: "gtav", space: SPACE, images: IMAGES });
const DATASET = { length: 4, ids: ["a", "b", "c", "d"] };

function close(found: readonly number[], expected: readonly number[], within: number) {
  assert.equal(found.length, expected.length);
  found.forEach((value, k) =>
    assert.ok(Math.abs(value - expected[k]!) <= within, `${k}: ${value}, expected ${expected[k]}`)
  );
}

Deno.test("frequencies are shares of the labelled pixels", () => {
  close(STATS.frequency, [0.6, 0.3, 0.1, 0], 1e-12);
  assert.deepEqual(classStats({ dataset: "x", space: SPACE, images: [] }).frequency, [0, 0, 0, 0]);
});

Deno.test("P(c) is the softmax of (1 - f) / T over the classes that occur", () => {
  const raw = [Math.exp(0.4 / 0.2), Math.exp(0.7 / 0.2), Math.exp(0.9 / 0.2)];
  const sum = raw[0]! + raw[1]! + raw[2]!;
  close(classProbabilities([0.6, 0.3, 0.1, 0], 0.2), [...raw.map((value) => value / sum), 0], 1e-12);
  close(classProbabilities([0.6, 0.3, 0.1, 0], 1e6), [1 / 3, 1 / 3, 1 / 3, 0], 1e-6);
  // exp(1 / 0.0001) alone would overflow.
  close(classProbabilities([0.5, 0.5, 0], 1e-4), [0.5, 0.5, 0], 1e-12);
  assert.deepEqual(classProbabilities([0, 0], 0.01), [0, 0]);
});

for (const one of methodCases<MethodCase & { temperature: number }>("daformer/rcs_probabilities")) {
  Deno.test(`${one.name}: of the recorded counts the recorded probabilities`, () => {
    const pixels = [...toFloat32(stored(one, "pixels"))];
    const found = classProbabilities(frequencies([pixels], pixels.length), one.temperature);
    assert.ok(relative(found, toFloat32(stored(one, "probability"))) < 1e-4);
  });
}

/** The first crop is taken, whatever it holds. */
const ONE_CROP = { cropPixels: 0, tries: 1 };

/** Of many draws, the share of every image. */
function shares(minPixels: number, temperature: number): number[] {
  const draw = rareClassDraw(STATS, { ...ONE_CROP, temperature, minPixels });
  const random = Random.stream(11, "test");
  const counts = [0, 0, 0, 0];
  for (let k = 0; k < DRAWS; k++) counts[draw(random).index]!++;
  return counts.map((count) => count / DRAWS);
}
const DRAWS = 200_000;
/** Five standard deviations of a share of 1/2. */
const DEVIATION = 5 * 0.5 / Math.sqrt(DRAWS);

Deno.test("images come as often as their classes are drawn and as many images hold enough of them", () => {
  const [road, car, train] = classProbabilities(STATS.frequency, 0.5) as [number, number, number];
  // At least 30: road in all four, car in b, c and d, train in d.
  const expected = [road / 4, road / 4 + car / 3, road / 4 + car / 3, road / 4 + car / 3 + train];
  close(shares(30, 0.5), expected, DEVIATION);
});

Deno.test("where no image holds enough of a class, all that hold any are chosen from", () => {
  const [road, car, train] = classProbabilities(STATS.frequency, 0.5) as [number, number, number];
  // At least 90: road in a; car and train nowhere, so all that hold any.
  close(shares(90, 0.5), [road + car / 4, car / 4, car / 4 + train / 2, car / 4 + train / 2], DEVIATION);
});

Deno.test("the sequence of a seed is this one", () => {
  const draw = rareClassDraw(STATS, { ...ONE_CROP, temperature: 0.2, minPixels: 30 });
  const drawn = (seed: number) => {
    const random = Random.stream(seed, "loader/source/draw");
    return Array.from({ length: 12 }, () => draw(random).index);
  };
  assert.deepEqual(drawn(3), [3, 2, 3, 2, 3, 1, 3, 3, 3, 3, 3, 3]);
  assert.notDeepEqual(drawn(4), drawn(3));
});

const LOADING: TrainLoaderOptions = {
  transforms: { crop: [4, 6], flip: true, shortSide: [4, 9] },
  normalization: { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] },
  batch: 3,
  seed: 1,
  stream: "source",
  labels: true,
  ignoreLabel: 255,
};

async function loaded(length: number, options: Partial<TrainLoaderOptions> = {}) {
  const image = Uint8Array.from({ length: 144 }, (_, k) => k);
  const read = (index: number) =>
    Promise.resolve({ id: `${index}`, width: 8, height: 6, image, labels: new Uint8Array(48) });
  const loader = trainLoader({ length, read }, { ...LOADING, ...options });
  const ids: string[] = [], pixels: number[] = [];
  for (let k = 0; k < 5; k++) {
    const batch = await loader.next();
    ids.push(...batch.ids);
    pixels.push(batch.images[0]!, batch.images[100]!);
  }
  loader.close();
  return { ids: ids.join(""), pixels };
}

Deno.test("without a draw, order and transforms are those recorded before there were any", async () => {
  assert.deepEqual(await loaded(6), {
    ids: "543012304521210",
    pixels: [0, 93, 66, 59, 51, 45, 10, 68, 39, 61],
  });
});

Deno.test("a loader takes the images that are drawn, by a stream of its own", async () => {
  const draw = rareClassDraw(STATS, { ...ONE_CROP, temperature: 0.2, minPixels: 30 });
  const { ids, pixels } = await loaded(4, { draw });
  const random = Random.stream(1, "loader/source/draw");
  assert.equal(ids, Array.from({ length: 15 }, () => draw(random).index).join(""));
  // All images are alike here: what changes is what the transforms drew, and that depends on no draw.
  assert.deepEqual((await loaded(4, { draw: () => ({ index: 0 }) })).pixels, pixels);
});

Deno.test("statistics are written and read as they are", async () => {
  const text = renderStats(STATS);
  assert.deepEqual(await readStats("/s.json", memoryFiles({ "/s.json": text })), STATS);
  assert.equal(text.split("\n").filter((line) => line.includes('"id"')).length, 4);
  const empty = classStats({ dataset: "x", space: SPACE, images: [] });
  assert.deepEqual(await readStats("/s.json", memoryFiles({ "/s.json": renderStats(empty) })), empty);
});

const read = () => Promise.reject(new Error("no image is read"));

const opening = {
  temperature: 0.01,
  minPixels: 1,
  kept: {
    path: "/run/class_counts.json",
    exists: () => Promise.resolve(false),
    write: () => Promise.reject(new Error("nothing is written")),
    onCount: () => assert.fail("nothing is counted"),
    signal: new AbortController().signal,
  },
};

async function refuses(
  content: string | undefined,
  message: string,
  { dataset = DATASET, space = SPACE }: { dataset?: { length: number; ids?: string[] }; space?: LabelSpace } =
    {},
) {
  const files = memoryFiles(content === undefined ? {} : { "/s.json": content });
  await assert.rejects(
    openRareClasses({
      ...ONE_CROP,
      ...opening,
      stats: "/s.json",
      dataset: { ...dataset, read },
      space,
      files,
    }),
    (error) => {
      assert.ok(error instanceof DataError);
      assert.equal(error.message, message);
      return true;
    },
  );
}

Deno.test("statistics that are not there or are something else", async () => {
  await refuses(
    undefined,
    "/s.json: there is no such file; expected class statistics, which plca data stats writes",
  );
  const short = JSON.stringify({ ...STATS, frequency: [1] });
  for (const content of ["", "[1, 2]", '{"format": "other"}', short]) {
    await refuses(
      content,
      "/s.json: these are no class statistics; expected a file that plca data stats wrote",
    );
  }
});

Deno.test("statistics of another dataset", async () => {
  const text = renderStats(STATS);
  await refuses(
    text,
    "/s.json: it counts the 4 classes of four, the source has the 2 of two; write it anew with plca data stats",
    { space: { name: "two", classes: ["road", "car"], ignore: 255 } },
  );
  await refuses(
    text,
    "/s.json: it counts 4 images of gtav, the source has 5; write it anew with plca data stats",
    { dataset: { length: 5 } },
  );
  await refuses(
    text,
    "/s.json: image 3 is c in it and x in the source; write it anew with plca data stats",
    { dataset: { length: 4, ids: ["a", "b", "x", "d"] } },
  );
  const blank = classStats({ dataset: "x", space: SPACE, images: [{ id: "a", pixels: [0, 0, 0, 0] }] });
  await refuses(
    renderStats(blank),
    "/s.json: it counts no labelled pixel; rare-class sampling needs some",
    { dataset: { length: 1 } },
  );
});

Deno.test("without a file the labels are counted once, and what was counted is what is drawn by", async () => {
  const counts = [[90, 10, 0], [50, 50, 0], [30, 70, 0], [20, 40, 40]];
  const labels = counts.map((row) => Uint8Array.from(row.flatMap((n, id) => new Array<number>(n).fill(id))));
  const reads: number[] = [];
  const dataset = {
    length: 4,
    read(index: number) {
      reads.push(index);
      const image = new Uint8Array(300);
      return Promise.resolve({ id: `${index}`, width: 10, height: 10, image, labels: labels[index]! });
    },
  };
  const written = new Map<string, string>();
  const told: number[] = [];
  const kept = {
    ...opening.kept,
    exists: () => Promise.resolve(written.has(opening.kept.path)),
    write(bytes: Uint8Array) {
      written.set(opening.kept.path, new TextDecoder().decode(bytes));
      return Promise.resolve();
    },
    onCount: (images: number) => void told.push(images),
  };
  const open = () =>
    openRareClasses({
      ...opening,
      ...ONE_CROP,
      kept,
      dataset,
      space: SPACE,
      files: memoryFiles(Object.fromEntries(written)),
      tries: 2,
      cropPixels: 5,
    });
  // The file is read as it was written, so the reader must see it.
  await open().catch(() => {});
  const drawn = async () => {
    const draw = await open();
    const random = Random.stream(3, "test");
    return Array.from({ length: 20 }, () => draw!(random));
  };
  const first = await drawn();
  assert.deepEqual(await drawn(), first);
  assert.deepEqual(told, [4]);
  assert.deepEqual(reads.sort(), [0, 1, 2, 3]);
  // The rarest class by far is drawn, whose one image this is.
  assert.deepEqual(first[0], { index: 3, holds: { id: 2, pixels: 5, tries: 2 } });

  written.clear();
  const stopped = new AbortController();
  stopped.abort();
  const early = { ...kept, signal: stopped.signal };
  const options = { ...opening, ...ONE_CROP, kept: early, dataset, space: SPACE, files: memoryFiles({}) };
  assert.equal(await openRareClasses(options), undefined);
  assert.equal(written.size, 0);
});
