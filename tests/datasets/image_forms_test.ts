import assert from "node:assert/strict";
import { encode } from "fast-png";
import sharp from "sharp";
import { decodeImage } from "../../datasets/decode.ts";
import { orientationOf } from "../../datasets/orientation.ts";

const [width, height] = [3, 2];
const rgb = Uint8Array.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 200, 100, 50, 7, 7, 7]);
const grey = Uint8Array.from([0, 50, 100, 150, 200, 255]);
const tripled = Uint8Array.from([...grey].flatMap((value) => [value, value, value]));
const size = { width, height };

function withAlpha(data: Uint8Array, channels: number): Uint8Array {
  return Uint8Array.from({ length: 6 * (channels + 1) }, (_, at) => {
    const pixel = Math.floor(at / (channels + 1)), channel = at % (channels + 1);
    return channel === channels ? 10 : data[pixel * channels + channel]!;
  });
}

/** Of 16 bits the high 8 count. */
const sixteen = (data: Uint8Array) => Uint16Array.from(data, (value) => value * 256 + 17);

const PALETTE = [[9, 8, 7], [255, 0, 0], [0, 255, 0]];

const CASES: readonly (readonly [name: string, file: Uint8Array, rgb: Uint8Array])[] = [
  ["RGB", encode({ ...size, channels: 3, data: rgb }), rgb],
  ["RGBA, whose alpha is dropped", encode({ ...size, channels: 4, data: withAlpha(rgb, 3) }), rgb],
  ["grey", encode({ ...size, channels: 1, data: grey }), tripled],
  ["grey with alpha", encode({ ...size, channels: 2, data: withAlpha(grey, 1) }), tripled],
  ["16 bits", encode({ ...size, channels: 3, depth: 16, data: sixteen(rgb) }), rgb],
  ["16 bits grey", encode({ ...size, channels: 1, depth: 16, data: sixteen(grey) }), tripled],
  [
    "palette",
    encode({ ...size, channels: 1, data: Uint8Array.from([0, 1, 2, 2, 1, 0]), palette: PALETTE }),
    Uint8Array.from([0, 1, 2, 2, 1, 0].flatMap((id) => PALETTE[id]!)),
  ],
  [
    "1 bit",
    encode({ ...size, channels: 1, depth: 1, data: Uint8Array.from([0b01000000, 0b10100000]) }),
    Uint8Array.from([0, 1, 0, 1, 0, 1].flatMap((bit) => [255 * bit, 255 * bit, 255 * bit])),
  ],
];

for (const [name, file, expected] of CASES) {
  Deno.test(`a PNG as RGB: ${name}`, async () => {
    const found = await decodeImage(file, "x.png");
    assert.deepEqual([found.width, found.height, [...found.data]], [width, height, [...expected]]);
  });
}

Deno.test("a CMYK JPEG becomes RGB, with and without a profile of its own", async () => {
  const flat = {
    create: { width: 16, height: 16, channels: 3, background: { r: 200, g: 40, b: 40 } },
  } as const;
  const plain = sharp(flat).toColourspace("cmyk").jpeg();
  for (const [jpeg, has] of [[plain, false], [plain.clone().withIccProfile("cmyk"), true]] as const) {
    const bytes = await jpeg.toBuffer();
    const { space, hasProfile } = await sharp(bytes).metadata();
    assert.deepEqual([space, hasProfile], ["cmyk", has]);
    const { data } = await decodeImage(bytes, "x.jpg");
    assert.equal(data.length, 16 * 16 * 3);
    [200, 40, 40].forEach((value, channel) =>
      assert.ok(Math.abs(data[channel]! - value) < 30, `${data.slice(0, 3)}`)
    );
  }
});

Deno.test("rotation tags are found, and not followed unless it is asked for", async () => {
  const raw = { raw: { ...size, channels: 3 } } as const;
  const plain = await sharp(rgb, raw).jpeg().toBuffer();
  const turned = await sharp(rgb, raw).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  assert.deepEqual([orientationOf(plain), orientationOf(turned)], [1, 6]);
  const { width: wide, height: tall } = await decodeImage(turned, "x.jpg");
  assert.deepEqual([wide, tall], [3, 2]);
});

Deno.test("what is no image, and one with too many pixels", async () => {
  await assert.rejects(decodeImage(new Uint8Array(0), "a.png"), {
    name: "DataError",
    message: "a.png: the image is damaged, cut short or not a JPEG or PNG",
  });
  const png = encode({ ...size, channels: 3, data: rgb });
  new DataView(png.buffer, png.byteOffset).setUint32(16, 30_000);
  new DataView(png.buffer, png.byteOffset).setUint32(20, 30_000);
  // The checksum of the changed header.
  let crc = -1;
  for (const byte of png.subarray(12, 29)) {
    crc ^= byte;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  new DataView(png.buffer, png.byteOffset).setInt32(29, ~crc);
  await assert.rejects(decodeImage(png, "b.png"), {
    message: "b.png: the image has more than 268 million pixels, too many to decode",
  });
});
