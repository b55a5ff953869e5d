/** JPEGs that decoders warn of: what loses no pixel is read as if nothing were, the rest refused. */
import assert from "node:assert/strict";
import sharp from "sharp";
import { decodeImage } from "../../datasets/decode.ts";
import { jpegIsWhole, jpegParts, withoutStrayBytes } from "../../datasets/jpeg.ts";

const size = { width: 64, height: 48 };
const pixels = Uint8Array.from({ length: 64 * 48 * 3 }, (_, k) => (k * 37 + (k >> 7) * 11) % 251);
const picture = () => sharp(pixels, { raw: { ...size, channels: 3 } });
const baseline = new Uint8Array(await picture().jpeg({ quality: 90 }).toBuffer());
const progressive = new Uint8Array(await picture().jpeg({ progressive: true }).toBuffer());

function joined(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function inserted(bytes: Uint8Array, at: number, stray: readonly number[]): Uint8Array {
  return joined(bytes.subarray(0, at), stray, bytes.subarray(at));
}

/** Where segments of a kind begin. */
function places(bytes: Uint8Array, marker: number): number[] {
  return [...jpegParts(bytes)].filter((part) => part.marker === marker).map(({ start }) => start);
}

const DQT = 0xdb, DHT = 0xc4, SOS = 0xda, EOI = 0xd9;

for (const [kind, jpeg] of [["baseline", baseline], ["progressive", progressive]] as const) {
  const end = jpeg.length - 2;
  const harmless: readonly [string, Uint8Array][] = [
    ["two stray bytes before the first table", inserted(jpeg, places(jpeg, DQT)[0]!, [0x12, 0x34])],
    ["stray bytes right after the start", inserted(jpeg, 2, [1, 2, 3])],
    ["a stray FF 00, as compressed data has it", inserted(jpeg, places(jpeg, DHT)[0]!, [0xff, 0, 7])],
    ["stray bytes before a scan's header", inserted(jpeg, places(jpeg, SOS)[0]!, [9])],
    [
      "strays at two places",
      inserted(inserted(jpeg, places(jpeg, DHT)[0]!, [5, 5]), places(jpeg, DQT)[0]!, [6, 6, 6, 6]),
    ],
    ["fill bytes", inserted(jpeg, places(jpeg, DQT)[0]!, [0xff, 0xff])],
    ["zeros that fill it up before the end marker", inserted(jpeg, end, [0, 0, 0, 0, 0, 0])],
    ["bytes after the end marker", joined(jpeg, [1, 2, 3, 0xff, 0xd8, 0xff, 0xe1])],
  ];
  for (const [name, file] of harmless) {
    Deno.test(`${kind} JPEG, ${name}: every byte as of the clean file`, async () => {
      assert.deepEqual((await decodeImage(file, "x.jpg")).data, (await decodeImage(jpeg, "x.jpg")).data);
    });
  }

  const cut = { message: "x.jpg: the image is cut short: its end is missing; copy or download it again" };
  const stray = inserted(jpeg, places(jpeg, DQT)[0]!, [0x12, 0x34]);
  const missing: readonly [string, Uint8Array][] = [
    ...[1, 2, 3, 20, 400].map((gone): [string, Uint8Array] => [
      `cut short by ${gone}`,
      jpeg.subarray(0, jpeg.length - gone),
    ]),
    ["cut short with stray bytes in its header", stray.subarray(0, stray.length - 2)],
    ["cut short and filled up with zeros", joined(jpeg.subarray(0, jpeg.length - 40), new Uint8Array(40))],
    ["cut within its header", jpeg.subarray(0, places(jpeg, SOS)[0]!)],
  ];
  for (const [name, file] of missing) {
    Deno.test(`${kind} JPEG, ${name}: refused`, () => assert.rejects(decodeImage(file, "x.jpg"), cut));
  }
}

const damaged = { message: "x.jpg: the image is damaged, cut short or not a JPEG or PNG" };

Deno.test("a JPEG whose compressed data is damaged stays refused, with stray bytes as well", async () => {
  const broken = baseline.slice();
  const from = places(baseline, SOS)[0]! + 60;
  // No Huffman code of a JPEG is all ones.
  for (let at = from; at < from + 40; at += 2) broken.set([0xff, 0], at);
  await assert.rejects(decodeImage(broken, "x.jpg"), damaged);
  await assert.rejects(decodeImage(inserted(broken, 2, [1, 2]), "x.jpg"), damaged);
});

Deno.test("bytes too many after compressed data may come from damage in it, so they stay refused", async () => {
  await assert.rejects(
    decodeImage(inserted(progressive, progressive.length - 2, [1, 2, 3, 4]), "x.jpg"),
    damaged,
  );
});

Deno.test("an end marker inside a thumbnail is not the file's", () => {
  const exif = [0xff, 0xe1, 0, 14, ...new TextEncoder().encode("Exif\0\0"), 0xff, 0xd8, 0xff, EOI, 0, 0];
  const file = inserted(baseline, 2, exif);
  assert.equal(jpegIsWhole(file), true);
  assert.equal(jpegIsWhole(file.subarray(0, file.length - 10)), false);
  assert.equal(withoutStrayBytes(file), undefined);
});
