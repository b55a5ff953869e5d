import assert from "node:assert/strict";
import fc from "fast-check";
import { decimate, means } from "../../report/decimate.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, k) => k);

Deno.test("each column keeps its lowest and highest point in their order", () => {
  const y = [5, 9, 1, 5, 5, 5, 0, 7, 5, 5, 5, 5, 2, 8, 3, 4];
  assert.deepEqual(decimate({ x: upTo(16), y }, { columns: 2 }), {
    x: [0, 1, 6, 12, 13, 15],
    y: [5, 9, 0, 2, 8, 4],
  });
});

Deno.test("a short curve is given back whole, with its gaps", () => {
  const curve = { x: [1, 2, 4], y: [1, null, 3] };
  assert.deepEqual(decimate(curve, { columns: 1 }), curve);
  assert.deepEqual(decimate({ x: [], y: [] }, { columns: 5 }), { x: [], y: [] });
});

Deno.test("a range keeps one neighbour beyond each end", () => {
  assert.deepEqual(decimate({ x: upTo(10), y: upTo(10) }, { columns: 10, range: [3, 5] }).x, [2, 3, 4, 5, 6]);
  assert.deepEqual(decimate({ x: upTo(10), y: upTo(10) }, { columns: 10, range: [20, 30] }).x, [9]);
});

Deno.test("whatever the curve: few points, all of them of the curve in order, with its extremes", () => {
  const curve = fc.array(fc.tuple(fc.nat(3), fc.option(fc.integer({ min: -50, max: 50 }))), {
    maxLength: 300,
  });
  fc.assert(fc.property(curve, fc.integer({ min: 1, max: 20 }), (steps, columns) => {
    let at = 0;
    const points = steps.map(([step, value]) => [at += step + 1, value] as const);
    const [x, y] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const made = decimate({ x, y }, { columns });
    assert.ok(made.x.length <= 2 * columns + 4);
    const all = new Map(points);
    made.x.forEach((x, k) => assert.equal(made.y[k], all.get(x)));
    assert.deepEqual(made.x, [...made.x].sort((a, b) => a - b));
    const real = (values: readonly (number | null)[]) => values.filter((value) => value !== null);
    for (const extreme of [Math.max, Math.min]) {
      assert.equal(extreme(...real(made.y)), extreme(...real(y)));
    }
  }));
});

Deno.test("means are those of the points in spans of equal width", () => {
  assert.deepEqual(means({ x: [0, 1, 2, 3, 4, 5, 6, 7], y: [1, 3, 5, 7, 2, null, NaN, 4] }, 2), {
    x: [1.5, 5.5],
    y: [4, 3],
  });
  assert.deepEqual(means({ x: [], y: [] }, 3), { x: [], y: [] });
  assert.deepEqual(means({ x: [7], y: [2] }, 3), { x: [7], y: [2] });
});
