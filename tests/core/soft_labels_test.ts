/** Distributions in few bytes, and back. */
import assert from "node:assert/strict";
import { packSoft, SOFT_BYTES, softOf, softWinners, unpackSoft } from "../../core/soft_labels.ts";

function packed(...pixels: number[][]): Uint8Array {
  const out = new Uint8Array(pixels.length * SOFT_BYTES).fill(77);
  pixels.forEach((shares, pixel) => packSoft(shares, { out, pixel }));
  return out;
}

Deno.test("shares come back within a 255th, and add up to 1", () => {
  const shares = [0.07, 0.6, 0, 0.33];
  const back = unpackSoft(packed(shares), 4);
  back.forEach((share, id) => assert.ok(Math.abs(share - shares[id]!) < 1.5 / 255, `${share}`));
  assert.ok(Math.abs(back.reduce((a, b) => a + b) - 1) < 1e-6);
});

Deno.test("of many classes the four largest are kept and take over the others' share", () => {
  const back = unpackSoft(packed([0.05, 0.2, 0.3, 0.1, 0.15, 0.2]), 6);
  assert.deepEqual([...back].map((share) => share > 0), [false, true, true, false, true, true]);
  assert.ok(Math.abs(back[2]! - 0.3 / 0.85) < 3 / 255);
});

Deno.test("of equal shares the classes with the lower ids are kept, in the order of the ids", () => {
  const pixel = packed([0.2, 0.2, 0.2, 0.2, 0.2]);
  assert.deepEqual([...pixel].filter((_, at) => at % 2 === 0), [0, 1, 2, 3]);
});

Deno.test("zeros are an ignored pixel, and labels are distributions of one class", () => {
  const both = packed([0, 0, 0], [0.2, 0.1, 0.7]);
  assert.deepEqual([...softWinners(both, 255)], [255, 2]);
  assert.deepEqual([...unpackSoft(both, 3).subarray(0, 3)], [0, 0, 0]);
  assert.deepEqual([...unpackSoft(softOf(Uint8Array.of(1, 255), 255), 3)], [0, 1, 0, 0, 0, 0]);
});
