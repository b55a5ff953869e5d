import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { type Raster, resizeBilinear, resizeNearest, type Window } from "../../datasets/transforms/resize.ts";

/** Recorded bytes, in hexadecimal. */
interface Fixture {
  cases: {
    size: [number, number];
    to: [number, number];
    data: string;
    bilinear: string;
    nearest: string;
  }[];
  rows: { from: number; to: number; columns: string }[];
}
const fixture: Fixture = JSON.parse(
  await Deno.readTextFile(new URL("fixtures/pillow_resize.json", import.meta.url)),
);

for (const { size: [width, height], to, data, bilinear, nearest } of fixture.cases) {
  const raster = { width, height, channels: 3, data: bytes(data) };
  const size = { width: to[0], height: to[1] };

  Deno.test(`bilinear ${width}x${height} to ${to[0]}x${to[1]} equals Pillow's bytes`, () => {
    assert.deepEqual(resizeBilinear(raster, size).data, bytes(bilinear));
  });

  Deno.test(`nearest ${width}x${height} to ${to[0]}x${to[1]} equals Pillow's bytes`, () => {
    assert.deepEqual(resizeNearest(raster, size).data, bytes(nearest));
  });
}

for (const { from, to, columns } of fixture.rows) {
  Deno.test(`nearest picks Pillow's columns of ${from} for ${to}`, () => {
    const data = Uint8Array.from({ length: from }, (_, k) => k);
    const out = resizeNearest({ width: from, height: 1, channels: 1, data }, { width: to, height: 1 });
    assert.deepEqual(out.data, bytes(columns));
  });
}

/** At the datasets' sizes; digests of bytes. fixtures/record_large_resize.py recorded them. */
const large: {
  cases: { size: [number, number]; to: [number, number]; bilinear: string; nearest: string }[];
} = JSON.parse(await Deno.readTextFile(new URL("fixtures/pillow_large_resize.json", import.meta.url)));

for (const { size: [width, height], to, bilinear, nearest } of large.cases) {
  Deno.test(`image and labels ${width}x${height} to ${to[0]}x${to[1]} equal Pillow's bytes`, () => {
    const size = { width: to[0], height: to[1] };
    const raster = (channels: number) => ({
      width,
      height,
      channels,
      data: Uint8Array.from(
        { length: width * height * channels },
        (_, k) => (k * 97 + Math.floor(k / 1009)) % 251,
      ),
    });
    assert.equal(digest(resizeBilinear(raster(3), size).data), bilinear);
    assert.equal(digest(resizeNearest(raster(1), size).data), nearest);
  });
}

function digest(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

Deno.test("an equal size copies nothing", () => {
  const raster = { width: 2, height: 1, channels: 1, data: Uint8Array.of(1, 2) };
  assert.equal(resizeBilinear(raster, { width: 2, height: 1 }).data, raster.data);
  assert.equal(resizeNearest(raster, { width: 2, height: 1 }).data, raster.data);
});

/** Sizes of an image before and after, and a part of the latter. */
const windows = fc.tuple(
  fc.record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ width: fc.integer({ min: 1, max: 60 }), height: fc.integer({ min: 1, max: 60 }) }),
  fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 4, maxLength: 4 }),
  fc.constantFrom(1, 3),
);

Deno.test("a window holds the very bytes of the whole, whatever is scaled", () => {
  fc.assert(
    fc.property(windows, fc.boolean(), ([from, to, [a, b, c, d], channels], keepWidth) => {
      const size = keepWidth ? { ...to, width: from.width } : to;
      const left = Math.floor(a! * size.width), top = Math.floor(b! * size.height);
      const window: Window = {
        left,
        top,
        width: 1 + Math.floor(c! * (size.width - left)),
        height: 1 + Math.floor(d! * (size.height - top)),
      };
      const data = Uint8Array.from({ length: from.width * from.height * channels }, (_, k) => k * 97 % 251);
      const raster = { ...from, channels, data };
      for (const resize of [resizeBilinear, resizeNearest]) {
        assert.deepEqual(resize(raster, size, window), cutOf(resize(raster, size), window));
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

function cutOf({ width, channels, data }: Raster, window: Window): Raster {
  const rows = Array.from({ length: window.height }, (_, y) => {
    const from = ((window.top + y) * width + window.left) * channels;
    return [...data.subarray(from, from + window.width * channels)];
  });
  return { width: window.width, height: window.height, channels, data: Uint8Array.from(rows.flat()) };
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
