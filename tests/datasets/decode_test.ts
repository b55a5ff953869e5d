/** Decoding, held against what Pillow made of the same files; fixtures/record_images.py and record_profiles.py recorded them. */
import assert from "node:assert/strict";
import { encode } from "fast-png";
import { decodeImage, decodeLabels, decodeStored } from "../../datasets/decode.ts";

interface Recorded {
  readonly name: string;
  /** base64, as all bytes. */
  readonly file: string;
  readonly size: readonly [number, number];
}
interface Fixture {
  readonly images: readonly (Recorded & { readonly rgb: string })[];
  readonly labels: readonly (Recorded & { readonly ids: string })[];
  readonly three: readonly (Recorded & { readonly first: string })[];
}
const fixture: Fixture = JSON.parse(
  await Deno.readTextFile(new URL("fixtures/pillow_images.json", import.meta.url)),
);
const { images: profiles }: Pick<Fixture, "images"> = JSON.parse(
  await Deno.readTextFile(new URL("fixtures/pillow_profiles.json", import.meta.url)),
);
const CMYK = "JPEG CMYK";

for (
  const { name, file, size, rgb } of [...fixture.images, ...profiles].filter(({ name }) => name !== CMYK)
) {
  Deno.test(`${name} of ${size.join("x")}: every byte as Pillow decodes it`, async () => {
    const { width, height, data } = await decodeImage(bytes(file), "x");
    assert.deepEqual([width, height], size);
    assert.deepEqual(data, bytes(rgb));
  });
}

Deno.test("CMYK is converted by colour profiles, so it differs from Pillow's arithmetic, by 66 here", async () => {
  const { file, rgb } = fixture.images.find(({ name }) => name === CMYK)!;
  const { data } = await decodeImage(bytes(file), "x");
  const expected = bytes(rgb);
  assert.equal(data.length, expected.length);
  assert.equal(Math.max(...data.map((value, k) => Math.abs(value - expected[k]!))), 66);
});

for (const { name, file, size, ids } of fixture.labels) {
  if (/^[124]-bit .*interlaced/.test(name)) {
    Deno.test(`${name}: refused in one line`, () => {
      assert.throws(() => decodeLabels(bytes(file), "/a.png"), {
        name: "DataError",
        message:
          `/a.png: this label image is an interlaced PNG of ${name[0]} bit${name[0] === "1" ? "" : "s"}, ` +
          "which cannot be read; save it without interlacing, or with 8 bits",
      });
    });
    continue;
  }
  Deno.test(`labels, ${name}: the ids as stored`, () => {
    const { width, height, data } = decodeLabels(bytes(file), "x");
    assert.deepEqual([width, height], size);
    assert.deepEqual([...data], words(ids));
  });
}

for (const { name, file, size, first } of fixture.three) {
  Deno.test(`labels, ${name}: the first channel as stored`, () => {
    const { width, height, depth, channels, data } = decodeStored(bytes(file), "x");
    assert.deepEqual([width, height, depth, channels], [...size, 16, 3]);
    assert.deepEqual([...data].filter((_, k) => k % 3 === 0), words(first));
  });
}

function bytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

function words(base64: string): number[] {
  const raw = bytes(base64);
  return Array.from({ length: raw.length / 2 }, (_, k) => raw[2 * k]! + 256 * raw[2 * k + 1]!);
}

Deno.test("a header that claims more pixels than the file can hold is refused before any memory is taken", () => {
  const png = encode({ width: 2, height: 2, channels: 1, data: new Uint8Array(4) });
  new DataView(png.buffer, png.byteOffset).setUint32(16, 2 ** 30);
  assert.throws(() => decodeLabels(png, "a.png"), {
    name: "DataError",
    message:
      `a.png: the label image claims to be 1073741824 x 2 pixels, which its ${png.length} bytes cannot hold; ` +
      "it is damaged",
  });
});
