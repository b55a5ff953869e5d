import assert from "node:assert/strict";
import { resizeBilinear, resizeNearest } from "../../datasets/transforms/resize.ts";

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

Deno.test("an equal size copies nothing", () => {
  const raster = { width: 2, height: 1, channels: 1, data: Uint8Array.of(1, 2) };
  assert.equal(resizeBilinear(raster, { width: 2, height: 1 }).data, raster.data);
  assert.equal(resizeNearest(raster, { width: 2, height: 1 }).data, raster.data);
});

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
