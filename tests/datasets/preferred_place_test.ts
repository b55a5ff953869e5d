/** Crops that rather show rare classes. */
import assert from "node:assert/strict";
import type { Sample } from "../../core/plugin.ts";
import { SOFT_BYTES, softOf } from "../../core/soft_labels.ts";
import { preferredPlace } from "../../datasets/transforms/preferred_place.ts";
import { flipSample, resizedCrop } from "../../datasets/transforms/sample.ts";

const WIDTH = 40, HEIGHT = 30;

/** Class 0 with one pixel of class 3. */
function sample(at: readonly [number, number], prefer?: Sample["prefer"]): Sample {
  const labels = new Uint8Array(WIDTH * HEIGHT);
  labels[at[0] * WIDTH + at[1]] = 3;
  return {
    id: "a",
    width: WIDTH,
    height: HEIGHT,
    image: new Uint8Array(WIDTH * HEIGHT * 3),
    labels,
    soft: softOf(labels, 255),
    ...(prefer ? { prefer } : {}),
  };
}

const draw = { roll: 0.5, class: 0, pixel: 0 };
const prefer = { classes: [7, 3], chance: 0.8 };

Deno.test("a crop is centred on a pixel of a class that it shall show, and stays inside", () => {
  for (const at of [[15, 20], [0, 0], [29, 39], [3, 38]] as const) {
    for (const factor of [1, 2]) {
      const read = sample(at, prefer), size = { width: factor * WIDTH, height: factor * HEIGHT };
      const place = preferredPlace(read, { size, crop: [8, 10], draw })!;
      assert.ok(place.every((one) => one >= 0 && one < 1));
      const cut = resizedCrop(read, size, { size: [8, 10], place, fill: [0, 0, 0], ignoreLabel: 255 });
      const found = cut.labels!.indexOf(3);
      assert.ok(found >= 0, `${at} is not in the crop`);
      const middle = at[0] === 15;
      if (middle) assert.ok(Math.abs(found % 10 - 5) <= 1 && Math.abs(Math.floor(found / 10) - 4) <= 1);
      // Distributions are cut and mirrored as the labels are.
      const mirrored = flipSample(cut);
      for (const { labels, soft } of [cut, mirrored]) {
        labels!.forEach((label, pixel) => assert.equal(soft![pixel * SOFT_BYTES], label));
      }
    }
  }
});

Deno.test("without such a pixel, without a wish, or by chance a crop is placed as ever", () => {
  const size = { width: WIDTH, height: HEIGHT }, crop = [8, 10] as const;
  assert.equal(preferredPlace(sample([5, 5], { classes: [7], chance: 1 }), { size, crop, draw }), undefined);
  assert.equal(preferredPlace(sample([5, 5]), { size, crop, draw }), undefined);
  assert.equal(
    preferredPlace(sample([5, 5], prefer), { size, crop, draw: { ...draw, roll: 0.8 } }),
    undefined,
  );
});
