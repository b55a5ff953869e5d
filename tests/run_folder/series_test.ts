import assert from "node:assert/strict";
import { GrowingSeries } from "../../run_folder/series.ts";

function seriesOf(...points: readonly (readonly [number, number])[]): GrowingSeries {
  const series = new GrowingSeries();
  for (const [step, value] of points) series.add(step, value);
  return series;
}

function pointsOf({ length, steps, values }: GrowingSeries): [number, number][] {
  assert.deepEqual([steps.length, values.length], [length, length]);
  return Array.from(steps, (step, k) => [step, values[k]!]);
}

Deno.test("GrowingSeries: an empty one has no points, and cutting it is no error", () => {
  const series = new GrowingSeries();
  series.cut(0);
  assert.deepEqual(pointsOf(series), []);
});

Deno.test("GrowingSeries.add: points stay beyond the size that the arrays began with", () => {
  const points = Array.from({ length: 100 }, (_, k) => [3 * k, k / 7] as [number, number]);
  assert.deepEqual(pointsOf(seriesOf(...points)), points);
});

Deno.test("GrowingSeries.add: a step that comes again takes back itself and all after it", () => {
  const series = seriesOf([1, 10], [2, 20], [4, 40], [8, 80]);
  series.add(4, 41);
  assert.deepEqual(pointsOf(series), [[1, 10], [2, 20], [4, 41]]);
  // Between two that are there.
  series.add(3, 30);
  assert.deepEqual(pointsOf(series), [[1, 10], [2, 20], [3, 30]]);
  series.add(3, 31);
  assert.deepEqual(pointsOf(series), [[1, 10], [2, 20], [3, 31]]);
  series.add(0, 5);
  series.add(0, 6);
  assert.deepEqual(pointsOf(series), [[0, 6]]);
});

Deno.test("GrowingSeries.cut: keeps the step itself, whichever it is", () => {
  const all = Array.from({ length: 17 }, (_, k) => [2 * k, k] as [number, number]);
  for (let step = -1; step <= 34; step++) {
    const series = seriesOf(...all);
    series.cut(step);
    assert.deepEqual(pointsOf(series), all.filter(([one]) => one <= step), `cut at ${step}`);
    series.add(step + 1, 7);
    assert.equal(series.values.at(-1), 7);
  }
});

Deno.test("GrowingSeries: NaN is a value like others", () => {
  assert.deepEqual(pointsOf(seriesOf([1, NaN], [2, 1])), [[1, NaN], [2, 1]]);
});
