/** Distributions in few bytes, and back. */
import assert from "node:assert/strict";
import fc from "fast-check";
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

Deno.test("packSoft: the bytes of a pixel add up to 255, whatever the shares and however many there are", () => {
  const shares = fc.array(
    fc.oneof(fc.constant(0), fc.float({ min: Math.fround(1e-6), max: 1, noNaN: true })),
    {
      minLength: 1,
      maxLength: 9,
    },
  );
  fc.assert(
    fc.property(shares, (given) => {
      const bytes = [...packed(given)];
      const ids = bytes.filter((_, at) => at % 2 === 0), parts = bytes.filter((_, at) => at % 2 === 1);
      const positive = given.filter((share) => share > 0).length;
      assert.equal(parts.reduce((sum, part) => sum + part, 0), positive > 0 ? 255 : 0);
      // The kept ones are the largest, in falling order.
      const largest = given.map((share, id) => ({ share, id })).filter(({ share }) => share > 0)
        .sort((a, b) => b.share - a.share || a.id - b.id).slice(0, 4);
      assert.deepEqual(ids.slice(0, largest.length), largest.map(({ id }) => id));
      assert.ok(bytes.slice(2 * largest.length).every((byte) => byte === 0));
      const whole = largest.reduce((sum, { share }) => sum + share, 0);
      largest.forEach(({ share }, k) =>
        assert.ok(Math.abs(parts[k]! - 255 * share / whole) <= (k === 0 ? 2 : 0.51))
      );
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("packSoft writes its own pixel and no other; shares need not add up to 1, and negative ones count as 0", () => {
  const out = new Uint8Array(3 * SOFT_BYTES).fill(9);
  packSoft([3, -1, 1], { out, pixel: 1 });
  assert.deepEqual([...out.subarray(SOFT_BYTES, 2 * SOFT_BYTES)], [0, 191, 2, 64, 0, 0, 0, 0]);
  assert.ok([...out.subarray(0, SOFT_BYTES), ...out.subarray(2 * SOFT_BYTES)].every((byte) => byte === 9));
});

Deno.test("unpackSoft, softWinners and softOf of no pixels are empty, and the ignored id may be any", () => {
  const none = new Uint8Array(0);
  assert.deepEqual([unpackSoft(none, 3).length, softWinners(none, 255).length, softOf(none, 255).length], [
    0,
    0,
    0,
  ]);
  assert.deepEqual([...softWinners(softOf(Uint8Array.of(0, 7, 2), 7), 7)], [0, 7, 2]);
});
