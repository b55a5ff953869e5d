/** Measures without labels against values worked out by hand. */
import assert from "node:assert/strict";
import { PredictionMeasures } from "../../metrics/label_free.ts";

function measuresOf(...images: readonly (readonly number[])[]) {
  const measures = new PredictionMeasures(images.length);
  for (const image of images) measures.add({ channels: 2, data: Float32Array.from(image) });
  return measures.measures();
}

const near = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs(actual! - expected) < 1e-6, `${actual}, expected ${expected}`);

Deno.test("sure and balanced predictions: no entropy, all of the mutual information", () => {
  const { entropy, mutualInformation } = measuresOf([1, 0, 0, 1], [1, 0, 0, 1]);
  near(entropy, 0);
  near(mutualInformation, 1);
});

Deno.test("sure predictions of one class tell nothing: no entropy, no mutual information", () => {
  const { entropy, mutualInformation } = measuresOf([1, 0, 1, 0]);
  near(entropy, 0);
  near(mutualInformation, 0);
});

Deno.test("unsure predictions have all of the entropy", () => {
  const { entropy, mutualInformation } = measuresOf([0.5, 0.5, 0.5, 0.5]);
  near(entropy, 1);
  near(mutualInformation, 0);
});

Deno.test("a pixel's neighbourhood is dense where many others are like it", () => {
  // Three alike and one apart: of each of the three two neighbours share the weight; the one apart sees three alike.
  const { neighbourhoodDensity } = measuresOf([1, 0, 1, 0, 1, 0, 0, 1]);
  near(neighbourhoodDensity, (3 * Math.log(2) + Math.log(3)) / 4 / Math.log(3));
  const scattered = measuresOf([1, 0, 0, 1, Math.SQRT1_2, Math.SQRT1_2]);
  assert.ok(scattered["neighbourhoodDensity"]! < 1);
  near(measuresOf([1, 0, 1, 0, 1, 0])["neighbourhoodDensity"], 1);
});

Deno.test("nothing is said of no pixel, and nothing of neighbourhoods of two", () => {
  assert.deepEqual(new PredictionMeasures(1).measures(), {});
  assert.deepEqual(Object.keys(measuresOf([1, 0, 0, 1])), ["entropy", "mutualInformation"]);
});
