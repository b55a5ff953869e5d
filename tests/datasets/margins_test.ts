/** Margins of images: which part of a crop counts. */
import assert from "node:assert/strict";
import { trainLoader, type TrainLoaderOptions } from "../../datasets/loader.ts";
import { countedPart } from "../../datasets/transforms/counted_part.ts";
import { windowAt } from "../../datasets/transforms/sample.ts";

const MARGINS = [0.1, 0.05, 0.25, 0.02] as const;
const size = { width: 100, height: 40 };

/** The part, pixel by pixel of the crop. */
function slowly(crop: readonly [number, number], place: readonly [number, number], flip: boolean) {
  const window = windowAt(size, { size: crop, place });
  return Array.from({ length: crop[0] }, (_, y) =>
    Array.from({ length: crop[1] }, (_, column) => {
      const x = flip ? crop[1] - 1 - column : column;
      if (y >= window.height || x >= window.width) return false;
      const [row, across] = [window.top + y, window.left + x];
      return row >= 4 && row < 30 && across >= 2 && across < 95;
    }));
}

Deno.test("what counts lies in the image and in none of its margins, wherever the crop is and however it is turned", () => {
  for (const crop of [[10, 20], [40, 100], [50, 120], [3, 3]] as const) {
    for (const place of [[0, 0], [0.5, 0.5], [0.999, 0.999], [0.999, 0], [0.1, 0.97]] as const) {
      for (const flip of [false, true]) {
        const { rows, columns } = countedPart(MARGINS, { size, crop, place, flip });
        const made = Array.from({ length: crop[0] }, (_, y) =>
          Array.from(
            { length: crop[1] },
            (_, x) => y >= rows[0] && y < rows[1] && x >= columns[0] && x < columns[1],
          ));
        assert.deepEqual(made, slowly(crop, place, flip), `${crop} at ${place}, ${flip}`);
      }
    }
  }
});

Deno.test("a loader tells the part of every image; without margins it tells none, and draws the same", async () => {
  const image = new Uint8Array(3 * size.width * size.height);
  const dataset = { length: 2, read: (index: number) => Promise.resolve({ ...size, image, id: `${index}` }) };
  const batch = async (more: object) => {
    const options: TrainLoaderOptions = {
      transforms: { crop: [20, 30], flip: true, shortSide: [40, 60], ...more },
      normalization: { order: "rgb", scale: 1, mean: [0, 0, 0], deviation: [1, 1, 1] },
      batch: 4,
      seed: 1,
      stream: "target",
      labels: false,
      ignoreLabel: 255,
    };
    const loader = trainLoader(dataset, options);
    const made = await loader.next();
    loader.close();
    return made;
  };
  const plain = await batch({}), told = await batch({ margins: [0.3, 0, 0.3, 0] });
  assert.equal("counted" in plain, false);
  const { counted, ...rest } = told;
  assert.deepEqual(rest, plain);
  assert.equal(counted!.length, 4);
  assert.ok(new Set(counted!.map(({ rows }) => `${rows}`)).size > 1);
  assert.ok(counted!.every(({ columns }) => `${columns}` === "0,30"));
});
