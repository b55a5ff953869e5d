import assert from "node:assert/strict";
import { AS_BYTES, pictureOf as pictureFrom, trialsOf } from "../../export/trials.ts";
import { pictureOf } from "./networks.ts";

const NORMALIZATION = { order: "bgr", scale: 2, mean: [10, 20, 30], deviation: [1, 2, 4] } as const;

Deno.test("trialsOf: each picture alone, then the first and the last together in an awkward size", () => {
  const pictures = [pictureOf(100, 64, 1), pictureOf(90, 64, 2), pictureOf(80, 200, 3)];
  const trials = trialsOf(pictures, { normalization: NORMALIZATION, bytes: false, free: true });
  assert.deepEqual(trials.map(({ sides }) => sides), [[1, 64, 100], [1, 64, 90], [1, 200, 80], [2, 55, 87]]);
  assert.deepEqual(trials.map(({ given }) => given.dims), [
    [1, 3, 64, 100],
    [1, 3, 64, 90],
    [1, 3, 200, 80],
    [2, 3, 55, 87],
  ]);
});

Deno.test("trialsOf: a file of one size gets both at the first picture's size", () => {
  const options = { normalization: AS_BYTES, bytes: true, free: false };
  const sides = (...sizes: [number, number][]) =>
    trialsOf(sizes.map(([width, height], k) => pictureOf(width, height, k)), options).at(-1)!.sides;
  assert.deepEqual(sides([40, 30], [50, 20]), [2, 30, 40]);
  assert.deepEqual(sides([40, 30]), [2, 30, 40]);
});

Deno.test("trialsOf: small pictures are not made smaller than 32", () => {
  const side = (width: number) =>
    trialsOf([pictureOf(width, 64, 1)], { normalization: AS_BYTES, bytes: true, free: true }).at(-1)!
      .sides[2];
  assert.deepEqual([8, 32, 33, 36, 37, 38, 48].map(side), [8, 32, 32, 32, 32, 33, 41]);
});

Deno.test("trialsOf: the corner of a picture; one that is too small is repeated", () => {
  const first = pictureOf(4, 2, 1), last = pictureOf(2, 1, 2);
  const { given } = trialsOf([first, last], { normalization: AS_BYTES, bytes: true, free: false }).at(-1)!;
  const row = [...last.data, ...last.data];
  assert.deepEqual([...given.data], [...first.data, ...row, ...row]);
});

Deno.test("trialsOf: bytes as they are, floats normalised, in rows for the network and planes for the file", () => {
  const picture = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 40, 50, 60) };
  const options = { normalization: NORMALIZATION, free: false };
  const [bytes] = trialsOf([picture], { ...options, bytes: true });
  assert.deepEqual([bytes!.given.dims, [...bytes!.given.data]], [[1, 1, 2, 3], [1, 2, 3, 40, 50, 60]]);
  const [floats] = trialsOf([picture], { ...options, bytes: false });
  // Blue first: (2 * 3 - 10) / 1, (2 * 2 - 20) / 2, (2 * 1 - 30) / 4.
  assert.deepEqual([...floats!.images], [-4, -8, -7, 110, 40, 12.5]);
  assert.deepEqual([...floats!.given.data], [-4, 110, -8, 40, -7, 12.5]);
  assert.deepEqual([...bytes!.images], [...floats!.images]);
  // Of two pictures each has its own planes.
  const both = trialsOf([picture], { ...options, bytes: false }).at(-1)!;
  assert.deepEqual([...both.given.data], [-4, 110, -8, 40, -7, 12.5, -4, 110, -8, 40, -7, 12.5]);
});

Deno.test("pictureOf: an input that was prepared as bytes is the picture that it was", () => {
  const images = Float32Array.of(0, 128, 255);
  assert.deepEqual(pictureFrom({ images, width: 1, height: 1 } as Parameters<typeof pictureFrom>[0]), {
    width: 1,
    height: 1,
    data: Uint8Array.of(0, 128, 255),
  });
});
