import assert from "node:assert/strict";
import { cutWindow, type Window, WindowMean, windowsOf } from "../../train/windows.ts";

const places = (windows: Window[]) =>
  windows.map(({ top, left, height, width }) => [top, left, height, width].join());

Deno.test("windows lie a stride apart, row by row; the last is shifted inside", () => {
  assert.deepEqual(places(windowsOf(5, 7, { size: [3, 4], stride: [3, 2] })), [
    "0,0,3,4",
    "0,2,3,4",
    "0,3,3,4",
    "2,0,3,4",
    "2,2,3,4",
    "2,3,3,4",
  ]);
  assert.deepEqual(places(windowsOf(6, 4, { size: [3, 4], stride: [3, 4] })), ["0,0,3,4", "3,0,3,4"]);
});

Deno.test("an input that is smaller along a side is taken whole along it", () => {
  assert.deepEqual(places(windowsOf(2, 7, { size: [3, 4], stride: [3, 3] })), ["0,0,2,4", "0,3,2,4"]);
  assert.deepEqual(places(windowsOf(1, 1, { size: [3, 4], stride: [1, 1] })), ["0,0,1,1"]);
  assert.deepEqual(places(windowsOf(3, 4, { size: [3, 4], stride: [1, 1] })), ["0,0,3,4"]);
});

Deno.test("windows cover every pixel, whatever the sizes", () => {
  for (let length = 1; length < 12; length++) {
    for (let size = 1; size < 6; size++) {
      for (let stride = 1; stride <= size; stride++) {
        const seen = new Set<number>();
        for (const { left, width } of windowsOf(1, length, { size: [1, size], stride: [1, stride] })) {
          for (let x = left; x < left + width; x++) seen.add(x);
          assert.ok(left >= 0 && left + width <= length);
        }
        assert.equal(seen.size, length, `${length} ${size} ${stride}`);
      }
    }
  }
});

Deno.test("a window is cut out of its rows", () => {
  const data = Float32Array.from({ length: 24 }, (_, k) => k);
  const window = { top: 1, left: 2, height: 2, width: 1 };
  assert.deepEqual([...cutWindow(data, { width: 4, channels: 2 }, window)], [12, 13, 20, 21]);
});

Deno.test("more than 65,536 windows over a pixel are averaged as few are", () => {
  const mean = new WindowMean({ height: 1, width: 1, channels: 1 });
  for (let k = 0; k < 2 ** 16; k++) mean.add({ top: 0, left: 0, height: 1, width: 1 }, [3]);
  assert.deepEqual([...mean.mean().data], [3]);
});

Deno.test("windows that overlap are averaged", () => {
  const mean = new WindowMean({ height: 1, width: 3, channels: 2 });
  mean.add({ top: 0, left: 0, height: 1, width: 2 }, [1, 2, 3, 4]);
  mean.add({ top: 0, left: 1, height: 1, width: 2 }, [5, 8, 7, 9]);
  assert.deepEqual([...mean.mean().data], [1, 2, 4, 6, 7, 9]);
});
