/** Masks by colour: palettes of any order, RGB and grey; and palettes that differ where nobody decided. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { ConfigError } from "../../core/errors.ts";
import { inspections } from "../../datasets/inspection.ts";
import { summarizer } from "../../datasets/summary.ts";
import { labelPng, memoryFiles, openDataset, picture } from "./memory_files.ts";

const size = { width: 3, height: 2 };
const png = await picture(3, 2);
const ROAD = [128, 64, 128], SKY = [70, 130, 180], VOID = [0, 0, 0];
const TRUTH = [0, 1, 255, 1, 0, 0];
const COLOURS = [ROAD, SKY, VOID, SKY, ROAD, ROAD];
const classes = { road: [ROAD], sky: ["#4682B4"] };
const byColour = { images: "i", labels: { folder: "l", by: "colour" }, classes, ignore: [VOID] };
const byIndex = { images: "i", labels: "l", classes: { road: [0], sky: [1] }, ignore: [2, 3] };

/** A palette mask of {@linkcode COLOURS} with its palette in this order. */
function indexed(palette: readonly (readonly number[])[], colours = COLOURS): Uint8Array {
  const data = Uint8Array.from(colours, (colour) => palette.indexOf(colour));
  return encode({ ...size, channels: 1, data, palette: palette.map((colour) => [...colour]) });
}

const rgb = (colours: readonly (readonly number[])[]) => Uint8Array.from(colours.flat());
const withAlpha = (colours: readonly (readonly number[])[]) =>
  Uint8Array.from(colours.flatMap((colour, k) => [...colour, k * 40]));

const masks: Readonly<Record<string, Uint8Array>> = {
  "a palette": indexed([ROAD, SKY, VOID]),
  "a palette in another order": indexed([VOID, ROAD, SKY]),
  "a palette with more colours": indexed([[1, 2, 3], SKY, [9, 9, 9], VOID, ROAD]),
  "RGB": encode({ ...size, channels: 3, data: rgb(COLOURS) }),
  "RGB with transparency": encode({ ...size, channels: 4, data: withAlpha(COLOURS) }),
  "RGB of 16 bits": encode({
    ...size,
    channels: 3,
    depth: 16,
    data: Uint16Array.from(rgb(COLOURS), (value) => 257 * value),
  }),
};

function filesOf(labels: readonly Uint8Array[]) {
  return memoryFiles(Object.fromEntries(
    labels.flatMap((mask, k) => [[`/data/i/${k}.png`, png], [`/data/l/${k}.png`, mask]]),
  ));
}

const read = async (options: Record<string, unknown>, labels: readonly Uint8Array[], index = 0) =>
  await (await openDataset("folder", options, { files: filesOf(labels) })).read(index, { labels: true });

for (const [name, mask] of Object.entries(masks)) {
  Deno.test(`by colour, ${name}: the classes that are shown`, async () => {
    assert.deepEqual([...(await read(byColour, [mask])).labels!], TRUTH);
  });
}

Deno.test("by colour: grey of 8 bits and fewer is a colour as well", async () => {
  const options = {
    ...byColour,
    classes: { dark: [[0, 0, 0]], light: [[255, 255, 255]] },
    ignore: [[7, 7, 7]],
  };
  assert.deepEqual([...(await read(options, [labelPng(3, 2, [0, 255, 7, 255, 0, 0])])).labels!], TRUTH);
  const bits = encode({ ...size, channels: 1, depth: 1, data: Uint8Array.of(0b01000000, 0b10100000) });
  assert.deepEqual([...(await read(options, [bits])).labels!], [0, 1, 0, 1, 0, 1]);
});

Deno.test("by colour: three numbers are one colour, a list may go without its labels folder", async () => {
  const files = memoryFiles({
    "/data/t.txt": "a.png b.png\n",
    "/data/a.png": png,
    "/data/b.png": masks["RGB"]!,
  });
  const options = {
    list: "t.txt",
    labels: { by: "colour" },
    classes: { road: ROAD, sky: SKY },
    ignore: VOID,
  };
  const dataset = await openDataset("folder", options, { files });
  assert.deepEqual([...(await dataset.read(0, { labels: true })).labels!], TRUTH);
});

Deno.test("by colour: unknown colours are named with a pixel, many of them counted", async () => {
  const odd = encode({ ...size, channels: 3, data: rgb([ROAD, [1, 2, 3], SKY, SKY, [255, 0, 16], ROAD]) });
  const tail = "are not known; expected one of #000000, #4682b4, #804080 (or `other: ignore` in the recipe)";
  await assert.rejects(read(byColour, [odd]), {
    message: `/data/l/0.png: colours #010203 at pixel (1, 0), #ff0010 at pixel (1, 1) ${tail}`,
  });
  assert.deepEqual([...(await read({ ...byColour, other: "ignore" }, [odd])).labels!], [
    0,
    255,
    1,
    1,
    255,
    0,
  ]);
  const wide = encode({
    width: 20,
    height: 1,
    channels: 3,
    data: Uint8Array.from({ length: 60 }, (_, k) => k + 1),
  });
  const files = memoryFiles({ "/data/i/0.png": await picture(20, 1), "/data/l/0.png": wide });
  await assert.rejects((await openDataset("folder", byColour, { files })).read(0, { labels: true }), {
    message: `/data/l/0.png: 20 colours #010203 at pixel (0, 0) and others ${tail}`,
  });
});

Deno.test("by colour: colours of 16 bits that 8 cannot hold, and indices without a colour, are refused", async () => {
  const fine = encode({ ...size, channels: 3, depth: 16, data: new Uint16Array(18).fill(1000) });
  await assert.rejects(read(byColour, [fine]), {
    message: "/data/l/0.png: its colours have 16 bits a channel; expected 8, as in `classes`",
  });
  const short = encode({ ...size, channels: 1, data: Uint8Array.of(0, 0, 0, 0, 5, 0), palette: [ROAD, SKY] });
  await assert.rejects(read(byColour, [short]), {
    message: "/data/l/0.png: its palette has no colour for index 5 at pixel (1, 1)",
  });
});

Deno.test("by index: colours are refused with the way to read them", async () => {
  await assert.rejects(read(byIndex, [masks["RGB"]!]), {
    message:
      "/data/l/0.png: the label image has 3 channels; expected class ids in one channel, grey or palette " +
      "(or `labels: { by: colour }` with colours in `classes`)",
  });
});

const CONFLICT =
  "the palettes of label files differ: index 0 is #804080 in 0.png, 2.png and #4682b4 in 1.png, and 1 more " +
  "index differs; an index may then mean another class from file to file: `labels: { by: colour }`, with colours in " +
  "`classes`, reads what is shown, `labels: { by: index }` the indices all the same";
const differing = [indexed([ROAD, SKY, VOID]), indexed([SKY, ROAD, VOID]), indexed([ROAD, SKY, VOID])];

Deno.test("palettes that differ are an open question, unless the recipe answers it", async () => {
  const survey = async (options: Record<string, unknown>, labels: readonly Uint8Array[]) =>
    await (await openDataset("folder", options, { files: filesOf(labels) })).survey!();
  assert.deepEqual(await survey(byIndex, differing), [CONFLICT]);
  assert.deepEqual(await survey({ ...byIndex, labels: { folder: "l", by: "index" } }, differing), []);
  assert.deepEqual(await survey(byColour, differing), []);
  for (const [k, _] of differing.entries()) {
    assert.deepEqual([...(await read(byColour, differing, k)).labels!], TRUTH);
  }
  // By index the second file means something else.
  assert.deepEqual([...(await read(byIndex, differing, 1)).labels!], [1, 0, 255, 0, 1, 1]);
});

Deno.test("palettes that differ where no pixel is, or only in length, contradict nothing", async () => {
  const labels = [
    indexed([ROAD, SKY, VOID, [1, 1, 1]]),
    indexed([ROAD, SKY, VOID, [2, 2, 2]]),
    indexed([ROAD, SKY, VOID]),
    indexed([ROAD, SKY], [ROAD, SKY, ROAD, ROAD, SKY, SKY]),
    labelPng(3, 2, [0, 1, 2, 0, 1, 2]),
  ];
  const dataset = await openDataset("folder", byIndex, { files: filesOf(labels) });
  assert.deepEqual(await dataset.survey!(), []);
});

Deno.test("a check counts what every palette says of the indices that occur", async () => {
  const check = async (labels: readonly Uint8Array[]) => {
    const dataset = await openDataset("folder", byIndex, { files: filesOf(labels) });
    const space = { name: "folder", classes: ["road", "sky"], ignore: 255 };
    const { add, summary } = summarizer({ space, labels: true, known: [] });
    const signal = new AbortController().signal;
    for await (const found of inspections(dataset, { labels: true, space, signal })) add(found);
    return summary(labels.length).faults;
  };
  assert.deepEqual(await check(differing), [{ file: "0.png", message: CONFLICT, kind: "palettes" }]);
  assert.deepEqual(await check(differing.slice(0, 1)), []);
  assert.deepEqual(
    await check([indexed([ROAD, SKY, VOID, [1, 1, 1]]), indexed([ROAD, SKY, VOID, [2, 2, 2]])]),
    [],
  );
});

Deno.test("the options of colours: every mistake with its place", async () => {
  const mistakes = async (options: Record<string, unknown>) => {
    try {
      await openDataset("folder", { images: "i", ...options });
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message.split("\n");
    }
    return [];
  };
  assert.deepEqual(await mistakes({ classes: { road: [ROAD], sky: ["#4682b4"] } }), [
    "data.source.options.classes.road: a colour is read with `labels: { by: colour }`; expected ids",
    "data.source.options.classes.sky: a colour is read with `labels: { by: colour }`; expected ids",
  ]);
  assert.deepEqual(
    await mistakes({
      labels: { by: "colour" },
      classes: { road: [7], sky: [SKY], more: ["#4682B4"] },
      ignore: [0],
    }),
    [
      'data.source.options.classes.road: expected colours, as in [[128, 64, 128], "#4682b4"], since labels are read by colour',
      'data.source.options.classes.more: colour #4682b4 belongs to "sky" already',
      'data.source.options.ignore: expected colours, as in [[128, 64, 128], "#4682b4"], since labels are read by colour',
    ],
  );
});
