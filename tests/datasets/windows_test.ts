/** Windows in images, what of them counts, and the shapes that drawn streets are made of. */
import assert from "node:assert/strict";
import { cameraOf } from "../../datasets/street/camera.ts";
import { hash, noise } from "../../datasets/street/noise.ts";
import { Canvas } from "../../datasets/street/raster.ts";
import { drawScene, STREET_LENGTH } from "../../datasets/street/scene.ts";
import { countedPart } from "../../datasets/transforms/counted_part.ts";
import { resizedCrop, shortSideSize, windowAt } from "../../datasets/transforms/sample.ts";
import { Random } from "../../core/random.ts";
import { SOFT_BYTES } from "../../core/soft_labels.ts";

Deno.test("windowAt: the first and the last window that fit, and all of an image that is smaller", () => {
  const at = (place: readonly [number, number], width = 10, height = 6) => {
    const { top, left, height: rows, width: columns } = windowAt({ width, height }, { size: [4, 4], place });
    return [top, left, rows, columns];
  };
  assert.deepEqual(at([0, 0]), [0, 0, 4, 4]);
  assert.deepEqual(at([0.999, 0.999]), [2, 6, 4, 4]);
  assert.deepEqual(at([0.5, 0.5]), [1, 3, 4, 4]);
  assert.deepEqual(at([0.9, 0.9], 3, 2), [0, 0, 2, 3]);
  assert.deepEqual(at([0.9, 0.9], 4, 4), [0, 0, 4, 4]);
});

Deno.test("shortSideSize: the short side as wanted, the long one rounded, never nothing", () => {
  assert.deepEqual(shortSideSize({ width: 200, height: 100 }, 50), { width: 100, height: 50 });
  assert.deepEqual(shortSideSize({ width: 100, height: 200 }, 50), { width: 50, height: 100 });
  assert.deepEqual(shortSideSize({ width: 100, height: 100 }, 33), { width: 33, height: 33 });
  assert.deepEqual(shortSideSize({ width: 3, height: 2 }, 3), { width: 5, height: 3 });
  assert.deepEqual(shortSideSize({ width: 2, height: 3 }, 3), { width: 3, height: 5 });
  assert.deepEqual(shortSideSize({ width: 1, height: 1000 }, 1), { width: 1, height: 1000 });
});

Deno.test("resizedCrop: an image that is smaller lies at the top left, the rest is filled and ignored", () => {
  const soft = Uint8Array.from({ length: 4 * SOFT_BYTES }, (_, k) => 1 + k % 200);
  const sample = {
    id: "a",
    width: 2,
    height: 2,
    image: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    labels: Uint8Array.of(7, 8, 9, 10),
    soft,
  };
  const crop = { size: [3, 3], place: [0.5, 0.5], fill: [90, 91, 92], ignoreLabel: 255 } as const;
  const padded = resizedCrop(sample, { width: 2, height: 2 }, crop);
  assert.deepEqual([padded.width, padded.height], [3, 3]);
  assert.deepEqual([...padded.labels!], [7, 8, 255, 9, 10, 255, 255, 255, 255]);
  const fill = [90, 91, 92];
  assert.deepEqual([...padded.image], [
    1,
    2,
    3,
    4,
    5,
    6,
    ...fill,
    7,
    8,
    9,
    10,
    11,
    12,
    ...fill,
    ...fill,
    ...fill,
    ...fill,
  ]);
  const [first, second, rest] = [0, 3, 6].map((at) =>
    padded.soft!.subarray(at * SOFT_BYTES, (at + 3) * SOFT_BYTES)
  );
  const none = new Uint8Array(SOFT_BYTES);
  assert.deepEqual([...first!], [...soft.subarray(0, 2 * SOFT_BYTES), ...none]);
  assert.deepEqual([...second!], [...soft.subarray(2 * SOFT_BYTES), ...none]);
  assert.ok(rest!.every((byte) => byte === 0));
  // Too narrow alone, or too low alone.
  for (const size of [[2, 3], [3, 2]] as const) {
    const { width, height, labels } = resizedCrop(sample, { width: 2, height: 2 }, { ...crop, size });
    assert.deepEqual([height, width, labels!.filter((id) => id === 255).length], [...size, 2]);
  }
  // A sample without labels has none in its padding either.
  const { labels: _, soft: __, ...bare } = sample;
  assert.deepEqual(Object.keys(resizedCrop(bare, { width: 2, height: 2 }, crop)).toSorted(), [
    "height",
    "id",
    "image",
    "width",
  ]);
});

/** Rows and columns that count of a crop of 10 x 10 in an image of 20 x 40. */
function counted(
  margins: readonly [number, number, number, number],
  more: Partial<Parameters<typeof countedPart>[1]> = {},
) {
  const { rows, columns } = countedPart(margins, {
    size: { width: 40, height: 20 },
    crop: [10, 10],
    place: [0, 0],
    flip: false,
    ...more,
  });
  return [...rows, ...columns];
}

Deno.test("countedPart: margins are shares of the image in whole pixels, rounded down", () => {
  assert.deepEqual(counted([0, 0, 0, 0]), [0, 10, 0, 10]);
  assert.deepEqual(counted([0.1, 0, 0, 0.05]), [2, 10, 2, 10]);
  assert.deepEqual(counted([0.149, 0, 0, 0]), [2, 10, 0, 10]);
  // The last window: the margins at the bottom and on the right.
  assert.deepEqual(counted([0, 0.05, 0.1, 0], { place: [0.999, 0.999] }), [0, 8, 0, 8]);
  // Between them nothing is left out.
  assert.deepEqual(counted([0.1, 0.05, 0.1, 0.05], { place: [0.5, 0.5] }), [0, 10, 0, 10]);
});

Deno.test("countedPart: a mirrored crop has its columns mirrored, a crop in a margin has none", () => {
  assert.deepEqual(counted([0, 0, 0, 0.05], { flip: true }), [0, 10, 0, 8]);
  const [top, bottom] = counted([0.9, 0, 0, 0]);
  assert.equal(top, bottom);
  const [, , left, right] = counted([0, 0, 0, 0.9]);
  assert.equal(left, right);
});

Deno.test("countedPart: padding does not count", () => {
  assert.deepEqual(counted([0, 0, 0, 0], { size: { width: 7, height: 4 } }), [0, 4, 0, 7]);
  assert.deepEqual(counted([0, 0, 0.25, 0], { size: { width: 7, height: 4 }, flip: true }), [0, 3, 3, 10]);
});

const HAZE = { colour: [0, 0, 0], distance: 10 } as const;

/** The labels of a canvas of 6 x 4 after `paint`, row by row. */
function painted(paint: (canvas: Canvas, ink: Parameters<Canvas["rectangle"]>[2]) => void): string[] {
  const canvas = new Canvas({ width: 6, height: 4 }, HAZE);
  paint(canvas, { colour: [1, 2, 3], clear: 1, label: 7 });
  return Array.from(
    { length: 4 },
    (_, y) => [...canvas.labels.subarray(6 * y, 6 * y + 6)].map((label) => label === 7 ? "#" : ".").join(""),
  );
}

Deno.test("Canvas: shapes have the pixels whose middles lie inside, cut at the edges", () => {
  assert.deepEqual(painted((canvas, ink) => canvas.rectangle([1, 1], [3, 3], ink)), [
    "......",
    ".##...",
    ".##...",
    "......",
  ]);
  assert.deepEqual(painted((canvas, ink) => canvas.rectangle([-5, -5], [2, 50], ink)), [
    "##....",
    "##....",
    "##....",
    "##....",
  ]);
  assert.deepEqual(painted((canvas, ink) => canvas.polygon([[0, 0], [6, 4], [0, 4]], ink)), [
    "#.....",
    "##....",
    "####..",
    "#####.",
  ]);
  // The same points from another one on, and the other way round, are the same shape.
  assert.deepEqual(painted((canvas, ink) => canvas.polygon([[6, 0], [0, 4], [6, 4]], ink)), [
    ".....#",
    "....##",
    "..####",
    ".#####",
  ]);
  assert.deepEqual(painted((canvas, ink) => canvas.polygon([[6, 4], [0, 4], [6, 0]], ink)), [
    ".....#",
    "....##",
    "..####",
    ".#####",
  ]);
  assert.deepEqual(painted((canvas, ink) => canvas.ellipse([3, 2], [3, 2], { ink })), [
    ".####.",
    "######",
    "######",
    ".####.",
  ]);
});

Deno.test("Canvas: what is thinner than a pixel is one pixel wide, and what lies outside paints nothing", () => {
  assert.deepEqual(painted((canvas, ink) => canvas.rectangle([2.1, 0], [2.2, 4], ink)), [
    "..#...",
    "..#...",
    "..#...",
    "..#...",
  ]);
  assert.deepEqual(painted((canvas, ink) => canvas.rectangle([8, 0], [9, 4], ink)), Array(4).fill("......"));
  assert.deepEqual(
    painted((canvas, ink) => canvas.ellipse([3, 2], [3, 2], { ink, shade: (x) => x < 3 ? 0 : 1 })),
    [
      "...##.",
      "...###",
      "...###",
      "...##.",
    ],
  );
});

Deno.test("Canvas.set: the haze takes its part of the colour, more of what is farther away", () => {
  const canvas = new Canvas({ width: 1, height: 1 }, { colour: [100, 20, 50], distance: 10 });
  assert.deepEqual([canvas.clarity(0), canvas.clarity(10).toFixed(4)], [1, "0.3679"]);
  canvas.set(0, { colour: [40, 80, 10], clear: 0.75, label: 3 }, 0.5);
  assert.deepEqual([[...canvas.colours], [...canvas.labels]], [[40, 35, 16.25], [3]]);
});

Deno.test("hash and noise: seeded, within 0 and 1, and continuous from grid point to grid point", () => {
  const values = Array.from({ length: 400 }, (_, k) => hash(k % 20, Math.floor(k / 20), 5));
  assert.ok(values.every((value) => value >= 0 && value < 1));
  assert.ok(new Set(values).size > 390);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean > 0.4 && mean < 0.6, String(mean));
  assert.equal(hash(3, -4, 5), hash(3, -4, 5));
  assert.notEqual(hash(3, 4, 5), hash(4, 3, 5));
  assert.notEqual(hash(3, 4, 5), hash(3, 4, 6));
  assert.equal(noise(3, 4, 5), hash(3, 4, 5));
  assert.equal(noise(-1, -2, 5), hash(-1, -2, 5));
  assert.ok(Math.abs(noise(3.5, 4, 5) - (hash(3, 4, 5) + hash(4, 4, 5)) / 2) < 1e-12);
  assert.ok(Math.abs(noise(3, 4.25, 5) - (0.75 * hash(3, 4, 5) + 0.25 * hash(3, 5, 5))) < 1e-12);
});

Deno.test("cameraOf: the vanishing point, and what is twice as far is half as large", () => {
  const scene = { cameraX: 2, yaw: 0.1, pitch: -0.06 } as Parameters<typeof cameraOf>[0]["scene"];
  const camera = cameraOf({ scene, width: 100, height: 50 }, { height: 1.5, focal: 0.5 });
  assert.deepEqual([camera.focal, camera.x, camera.height], [50, 2, 1.5]);
  assert.deepEqual(camera.centre.map((one) => +one.toFixed(9)), [60, 20]);
  const round = (x: number, y: number, z: number) => camera.project(x, y, z).map((one) => +one.toFixed(6));
  // At the camera's own place and height everything lies in the vanishing point.
  assert.deepEqual(round(2, 1.5, 7), [60, 20]);
  assert.deepEqual([round(3, 0.5, 5), round(3, 0.5, 10)], [[70, 30], [65, 25]]);
});

Deno.test("drawScene: things stand within the street, the farthest first, lots to its end", () => {
  for (const seed of [1, 2, 3]) {
    const { things, lots, roadHalf, sidewalk } = drawScene(Random.stream(seed, "street"));
    assert.ok(things.length > 10);
    const depths = things.map(({ z }) => z);
    assert.deepEqual(depths, depths.toSorted((a, b) => b - a));
    assert.ok(depths.every((z) => z > 3 && z < STREET_LENGTH));
    assert.ok(things.every(({ x }) => Math.abs(x) <= roadHalf + sidewalk));
    for (const side of [lots.left, lots.right]) {
      const ends = side.map(({ to }) => to);
      assert.deepEqual(ends, ends.toSorted((a, b) => a - b));
      assert.ok(ends.at(-1)! > STREET_LENGTH);
    }
  }
});
