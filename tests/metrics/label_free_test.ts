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

Deno.test("entropy and mutual information do not depend on how pixels are parted into images", () => {
  const pixels = [0.9, 0.1, 0.4, 0.6, 0.7, 0.3, 0.2, 0.8];
  const whole = measuresOf(pixels),
    parted = measuresOf(pixels.slice(0, 2), pixels.slice(2, 6), pixels.slice(6));
  near(parted["entropy"], whole["entropy"]!);
  near(parted["mutualInformation"], whole["mutualInformation"]!);
  const terms = [0.1, 0.4, 0.3, 0.2].map((p) => -p * Math.log(p) - (1 - p) * Math.log(1 - p));
  near(whole["entropy"], terms.reduce((a, b) => a + b) / 4 / Math.log(2));
  const mean = (0.9 + 0.4 + 0.7 + 0.2) / 4;
  const marginal = (-mean * Math.log(mean) - (1 - mean) * Math.log(1 - mean)) / Math.log(2);
  near(whole["mutualInformation"], marginal - whole["entropy"]!);
});

Deno.test("a sample of at most 1,000 pixels is spread over each image, and the last images may give none", () => {
  // Half of each image is of one class; a sample from its beginning alone would see one class only.
  const image = (first: number, count: number) =>
    Float32Array.from(
      { length: 2 * count },
      (_, k) => Number((Math.floor(k / 2) < count / 2) === (k % 2 === first)),
    );
  const dense = new PredictionMeasures(1);
  dense.add({ channels: 2, data: image(0, 4000) });
  const { neighbourhoodDensity } = dense.measures();
  // Of 1,000 pixels each has 499 like itself.
  near(neighbourhoodDensity, Math.log(499) / Math.log(999));
  // Announced as one image, the second finds the sample full.
  dense.add({ channels: 2, data: Float32Array.from({ length: 200 }, () => 0.5) });
  near(dense.measures()["neighbourhoodDensity"], neighbourhoodDensity!);
  assert.ok(dense.measures()["entropy"]! > 0);
});

Deno.test("a single class tells nothing, and a prediction of zeros is like no other", () => {
  const single = new PredictionMeasures(1);
  single.add({ channels: 1, data: Float32Array.of(1, 1, 1) });
  assert.deepEqual(single.measures(), {});
  const measures = new PredictionMeasures(1);
  measures.add({ channels: 2, data: Float32Array.of(0, 0, 0, 0, 0, 0) });
  near(measures.measures()["neighbourhoodDensity"], 1);
  near(measures.measures()["entropy"], 0);
});
