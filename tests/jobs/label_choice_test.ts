/** Thresholds and labels against the recorded ones, taken from the list of cases. */
import assert from "node:assert/strict";
import { PredictedClasses } from "../../jobs/confidences.ts";
import { ownLabels, relativeLabels, softLabels, thresholdsOf } from "../../jobs/label_choice.ts";
import { relative } from "../goldens.ts";
import { type MethodCase, methodCases, stored } from "../methods.ts";

const IGNORE = 255;

/** Recorded [N, K, H, W] as rows of pixels of K. */
function pixelsOf(of: MethodCase, key: string): Float32Array {
  const { data, shape } = stored(of, key);
  const [n, k, h, w] = shape as [number, number, number, number];
  const out = new Float32Array(data.length);
  const area = h * w;
  for (let image = 0; image < n; image++) {
    for (let id = 0; id < k; id++) {
      for (let at = 0; at < area; at++) {
        out[(image * area + at) * k + id] = Number(data[(image * k + id) * area + at]!);
      }
    }
  }
  return out;
}

function values(of: MethodCase, key: string): Float32Array {
  return Float32Array.from(stored(of, key).data as Float32Array);
}

/** Every image's classes and confidences, as a job meets them. */
function predicted(of: MethodCase, every: number): PredictedClasses {
  const [n, k, h, w] = of.tensors["prob"] as [number, number, number, number];
  const p = pixelsOf(of, "prob");
  const found = new PredictedClasses(k, every);
  for (let image = 0; image < n; image++) {
    const labels = new Uint8Array(h * w), confidence = new Float32Array(h * w);
    for (let at = 0; at < h * w; at++) {
      const own = p.subarray((image * h * w + at) * k, (image * h * w + at + 1) * k);
      confidence[at] = Math.max(...own);
      labels[at] = own.indexOf(confidence[at]!);
    }
    found.add({ labels, confidence });
  }
  return found;
}

/** Fails where labels differ and the two best scores of the pixel do not tie. */
function sameLabels(
  actual: Uint8Array,
  expected: ArrayLike<number>,
  scores: (pixel: number) => readonly number[],
) {
  actual.forEach((label, pixel) => {
    if (label === expected[pixel]) return;
    const [first, second] = [...scores(pixel)].sort((a, b) => b - a);
    const tie = first! - second! < 1e-6 || Math.abs(first! - 1) < 1e-6;
    assert.ok(tie, `pixel ${pixel}: ${label}, expected ${expected[pixel]}`);
  });
}

const THRESHOLDS = methodCases("crst/thresholds");

for (const one of THRESHOLDS) {
  Deno.test(`${one.name}: thresholds at a portion, classes by their number of pixels`, () => {
    const { portions, every } = one as unknown as { portions: number[]; every: number };
    const found = predicted(one, every);
    assert.deepEqual(found.pixels, [...values(one, "counts")]);
    for (const share of portions) {
      const thresholds = thresholdsOf({ kind: "portion", share }, found.confidences);
      assert.ok(relative(thresholds, values(one, `thresholds_${share}`)) <= 1e-6, `portion ${share}`);
      const kept = found.confidences.map(({ count }) => Math.floor(share * count));
      assert.deepEqual(kept, [...values(one, `kept_${share}`)]);
    }
    assert.deepEqual(found.rarerThan(1e-3), [...values(one, "mined")]);
    const rarest = found.rarerThan(Infinity).slice(0, one.tensors["rare"]![0]);
    assert.deepEqual(rarest, [...values(one, "rare")]);
  });
}

for (const one of methodCases("crst/cbst_labels")) {
  Deno.test(`${one.name}: the best ratio to the class's threshold, where it is at least 1`, () => {
    const probabilities = pixelsOf(one, "prob"), thresholds = values(one, "thresholds");
    const labels = relativeLabels({ probabilities, thresholds }, IGNORE);
    const k = thresholds.length;
    sameLabels(
      labels,
      values(one, "labels"),
      (pixel) => [...thresholds].map((lambda, id) => probabilities[pixel * k + id]! / lambda),
    );
    assert.ok(labels.some((label) => label === IGNORE) && labels.some((label) => label !== IGNORE));
  });
}

for (const one of methodCases("crst/lrent_labels")) {
  Deno.test(`${one.name}: soft labels where they are cheaper than to ignore the pixel`, () => {
    const thresholds = values(one, "thresholds"), k = thresholds.length;
    const soft = softLabels({ probabilities: pixelsOf(one, "prob"), thresholds }, one["alpha"] as number);
    const expected = pixelsOf(one, "soft"), keep = values(one, "keep"), labels = values(one, "labels");
    const [price, ignoring] = [values(one, "reg_score"), values(one, "sel_score")];
    for (let pixel = 0; pixel < keep.length; pixel++) {
      if (Math.abs(price[pixel]! - ignoring[pixel]!) < 1e-6) continue;
      const own = soft.subarray(pixel * k, (pixel + 1) * k);
      assert.equal(own.some((share) => share > 0), keep[pixel] === 1, `pixel ${pixel}`);
      if (keep[pixel] !== 1) continue;
      assert.ok(relative(own, expected.subarray(pixel * k, (pixel + 1) * k)) <= 1e-4, `pixel ${pixel}`);
      assert.equal(own.indexOf(Math.max(...own)), labels[pixel]);
    }
  });
}

for (const one of methodCases("selftraining/class_median_labels")) {
  Deno.test(`${one.name}: what reaches the median of its class, or the cap`, () => {
    const { share, cap } = one as unknown as { share: number; cap: number };
    const thresholds = thresholdsOf({ kind: "quantile", share, cap }, predicted(one, 1).confidences);
    assert.ok(relative(thresholds, values(one, "thresholds")) <= 1e-6);
    const probabilities = pixelsOf(one, "prob"), k = thresholds.length;
    const labels = ownLabels({ probabilities, thresholds }, IGNORE);
    sameLabels(labels, values(one, "labels"), (pixel) => {
      const own = [...probabilities.subarray(pixel * k, (pixel + 1) * k)];
      // A confidence at its threshold may fall on either side.
      const best = Math.max(...own);
      return [best / thresholds[own.indexOf(best)]!, -1];
    });
  });
}
