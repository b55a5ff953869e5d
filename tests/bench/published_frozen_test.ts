import assert from "node:assert/strict";
import { differenceOf } from "../../bench/published_frozen.ts";

const TENSORS = [{ name: "a", count: 2 }, { name: "b", count: 3 }, { name: "zeros", count: 1 }];
const of = (...values: number[]) => Float32Array.from(values);

Deno.test("updates are compared tensor by tensor, as a share of each tensor's own size", () => {
  const b = of(3, 4, 0, 0.5, 0, 0);
  assert.deepEqual(differenceOf(TENSORS, [b, b]), { norm: 0, name: "", element: 0 });
  // Off by 1 of 5, and by 0.25 of 0.5.
  const off = differenceOf(TENSORS, [of(3, 5, 0, 0.75, 0, 0), b]);
  assert.deepEqual(off, { norm: 0.5, name: "b", element: 0.5 });
});

Deno.test("what is no number, or not zero where it should be, is as far apart as can be", () => {
  const b = of(3, 4, 0, 0.5, 0, 0);
  assert.equal(differenceOf(TENSORS, [of(3, 4, 0, 0.5, 0, 1), b]).norm, Infinity);
  const broken = differenceOf(TENSORS, [of(3, NaN, 0, 0.5, 0, 0), b]);
  assert.ok(Number.isNaN(broken.norm) && Number.isNaN(broken.element));
  assert.equal(broken.name, "a");
  assert.throws(() => differenceOf(TENSORS, [of(1), b]), /1 and 6 of 6 numbers/);
});
