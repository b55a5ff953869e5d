/** Confidences as if sorted, rare classes, and thresholds at their borders. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Confidences, PredictedClasses } from "../../jobs/confidences.ts";
import { ownLabels, relativeLabels, softLabels, thresholdsOf } from "../../jobs/label_choice.ts";

const IGNORE = 255;
const MILLIONTH = 2 ** -20;

function counted(values: readonly number[]): Confidences {
  const confidences = new Confidences();
  for (const value of values) confidences.add(value);
  return confidences;
}

Deno.test("Confidences: the k-th value from below and above, to less than a millionth, never above it", () => {
  const share = fc.float({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(share, { minLength: 1, maxLength: 60 }), (values) => {
      const sorted = [...values].sort((a, b) => a - b), confidences = counted(values);
      assert.equal(confidences.count, values.length);
      sorted.forEach((expected, k) => {
        for (const found of [confidences.ascending(k)!, confidences.descending(values.length - 1 - k)!]) {
          assert.ok(found <= expected && expected - found < MILLIONTH, `${found}, ${expected}`);
        }
      });
    }),
    { seed: 1 },
  );
});

Deno.test("Confidences: 0 and 1 have bins of their own, and beyond the values there is none", () => {
  const confidences = counted([1, 0, 1, 0.5]);
  assert.deepEqual([0, 1, 2, 3].map((k) => confidences.ascending(k)), [0, 0.5, 1, 1]);
  assert.deepEqual([confidences.ascending(4), confidences.ascending(-1), confidences.descending(4)], [
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(counted([]).ascending(0), undefined);
  // Values in one bin: the smallest stands for all.
  const near = counted([0.3 + MILLIONTH / 8, 0.3]);
  assert.equal(near.ascending(1), Math.fround(0.3));
});

Deno.test("PredictedClasses: every so many pixels of a class in an image count, the first among them", () => {
  const predictions = new PredictedClasses(3, 2);
  const labels = Uint8Array.of(0, 1, 0, 0, 1, 0), confidence = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
  predictions.add({ labels, confidence });
  predictions.add({ labels: Uint8Array.of(1), confidence: Float32Array.of(0.75) });
  const [first, second, third] = predictions.confidences;
  const valuesOf = (one: Confidences | undefined) =>
    Array.from({ length: one!.count }, (_, k) => Math.round(100 * one!.ascending(k)!) / 100);
  assert.deepEqual([first, second, third].map(valuesOf), [[0.1, 0.4], [0.2, 0.75], []]);
  assert.deepEqual(predictions.pixels, [4, 3, 0]);
});

Deno.test("PredictedClasses.rarerThan: the rarest first, those never predicted among them, and none at the share itself", () => {
  const predictions = new PredictedClasses(4, 1);
  const labels = Uint8Array.from([0, 0, 0, 0, 0, 0, 2, 2, 2, 3]);
  predictions.add({ labels, confidence: new Float32Array(10).fill(0.5) });
  assert.deepEqual(predictions.rarerThan(0.3), [1, 3], "class 2 has three tenths");
  assert.deepEqual(predictions.rarerThan(0.31), [1, 3, 2]);
  assert.deepEqual(new PredictedClasses(2, 1).rarerThan(0.5), [], "of no pixels none is rare");
});

const tenths = counted([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
const none = counted([]);

/** Thresholds to three digits. */
function rounded(...[rule, confidences]: Parameters<typeof thresholdsOf>): number[] {
  return [...thresholdsOf(rule, confidences)].map((one) => Math.round(1000 * one) / 1000);
}

Deno.test("thresholdsOf, portion: the surest share reaches it; 1 where that is no pixel, or the class was never predicted", () => {
  const of = (share: number) => rounded({ kind: "portion", share }, [tenths, none]);
  assert.deepEqual([of(0.2), of(0.25), of(1), of(0.05)], [[0.9, 1], [0.9, 1], [0.1, 1], [1, 1]]);
});

Deno.test("thresholdsOf, quantile: halves round to even places, at most the cap, which also stands for no pixel", () => {
  const of = (share: number, cap: number, confidences = tenths) =>
    rounded({ kind: "quantile", share, cap }, [confidences]);
  assert.deepEqual([of(0.5, 0.9), of(0.5, 0.55), of(1, 2), of(0, 0.9)], [[0.6], [0.55], [1], [0.1]]);
  // 0.5 of five values is 2.5, which rounds to the place 2; of seven it is 3.5, which rounds to 4.
  assert.deepEqual(of(0.5, 1, counted([0.1, 0.2, 0.3, 0.4, 0.5])), [0.3]);
  assert.deepEqual(of(0.5, 1, counted([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])), [0.5]);
  assert.deepEqual(rounded({ kind: "quantile", share: 0.5, cap: 0.9 }, [none]), [0.9]);
});

Deno.test("thresholdsOf, fixed: the same for all, whatever was predicted", () => {
  assert.deepEqual(rounded({ kind: "fixed", confidence: 0.75 }, [tenths, none]), [0.75, 0.75]);
  assert.deepEqual(rounded({ kind: "fixed", confidence: 0.75 }, []), []);
});

Deno.test("ownLabels: the likeliest class where it reaches its own threshold; of equal ones the first", () => {
  const probabilities = Float32Array.of(
    0.5,
    0.25,
    0.25,
    0.25,
    0.5,
    0.25,
    0.375,
    0.375,
    0.25,
    0.25,
    0.25,
    0.5,
  );
  const thresholds = Float32Array.of(0.5, 0.75, 0.25);
  assert.deepEqual([...ownLabels({ probabilities, thresholds }, IGNORE)], [0, IGNORE, IGNORE, 2]);
  assert.deepEqual([...ownLabels({ probabilities: new Float32Array(0), thresholds }, IGNORE)], []);
});

Deno.test("relativeLabels: a class with a low threshold wins a pixel from a likelier one", () => {
  const thresholds = Float32Array.of(0.75, 0.25);
  const of = (
    ...probabilities: number[]
  ) => [...relativeLabels({ probabilities: Float32Array.from(probabilities), thresholds }, IGNORE)];
  assert.deepEqual(of(0.625, 0.375, 0.875, 0.125, 0.78, 0.22, 0.5, 0.2), [1, 0, 0, IGNORE]);
  assert.deepEqual(of(0.75, 0.25), [0], "equal ratios: the first");
});

Deno.test("softLabels: distributions where that costs less than to ignore; a small alpha gives nearly hard labels", () => {
  const of = (
    alpha: number,
    thresholds: number[],
    ...probabilities: number[]
  ) => [
    ...softLabels({
      probabilities: Float32Array.from(probabilities),
      thresholds: Float32Array.from(thresholds),
    }, alpha),
  ];
  // Thresholds of e^-3 make ignoring dear: both pixels are labelled.
  const cheap = Math.exp(-3);
  const [a, b, c, d] = of(1, [cheap, cheap], 0.75, 0.25, 0.5, 0.5);
  [[a, 0.75], [b, 0.25], [c, 0.5], [d, 0.5]].forEach(([found, expected]) =>
    assert.ok(Math.abs(found! - expected!) < 1e-6, `${found}`)
  );
  const hard = of(0.05, [cheap, cheap], 0.75, 0.25);
  assert.ok(hard[0]! > 0.999 && Math.abs(hard[0]! + hard[1]! - 1) < 1e-6);
  // With thresholds of 1 ignoring costs nothing.
  assert.deepEqual(of(0.25, [1, 1], 0.75, 0.25), [0, 0]);
  // (p / threshold)^(1 / alpha): the class with the lower threshold has more than its probability.
  const [first, second] = of(0.5, [0.4, 0.1], 0.5, 0.5);
  const powers = [(0.5 / 0.4) ** 2, (0.5 / 0.1) ** 2], sum = powers[0]! + powers[1]!;
  assert.ok(Math.abs(first! - powers[0]! / sum) < 1e-5 && Math.abs(second! - powers[1]! / sum) < 1e-5);
  assert.ok(of(0.25, [cheap, cheap], 1, 0).every(Number.isFinite), "a probability of 0");
});
