/**
 * From the bytes of an image or label file to pixels.
 *
 * Photographs and labels need opposite care. A photograph goes through sharp (libvips) to 8-bit RGB as
 * stored, without colour profiles, as Pillow reads it. A label is a number that must arrive unchanged: label
 * PNGs are decoded without stretching samples or applying palettes, with checksums, and a JPEG is refused.
 *
 * Both refuse damaged files loudly. Decoders tend to return grey or garbled pixels after a warning, and a
 * network would train on them without complaint.
 */
import { decode as decodePng } from "fast-png";
import sharp, { type OutputInfo, type Sharp } from "sharp";
import { DataError } from "../core/errors.ts";
import type { PictureReading } from "../core/plugin.ts";
import { countOf } from "../core/words.ts";
import { requireForm } from "./image_form.ts";
import { isJpeg, jpegIsWhole, withoutStrayBytes } from "./jpeg.ts";
import { pngHeader, pngIsWhole, pngPalette } from "./png.ts";

/** A decoded photograph: RGB, row-major, 3 bytes a pixel. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * A decoded label file, row-major: class ids as stored; palette images give their indices; 32-bit values are
 * colours as 0xrrggbb.
 */
export interface DecodedLabels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array | Uint32Array;
  /** Of a palette image: the colour of each index as 0xrrggbb. */
  readonly palette?: readonly number[];
}

/**
 * Decodes a JPEG, PNG, TIFF or WebP (or what else sharp reads; of several pages the first) to 8-bit RGB as
 * stored. Embedded colour profiles are not applied, as Pillow's `convert("RGB")` does not (CMYK goes through
 * sharp's own profile); transparency is dropped; of 16 bits the high 8 count unless `reading.range` says
 * otherwise. Stray bytes between the segments of a JPEG change nothing.
 * @param file the name in errors
 * @throws DataError when it is cut short, damaged or not an image
 */
export async function decodeImage(
  bytes: Uint8Array,
  file: string,
  reading: PictureReading = {},
): Promise<DecodedImage> {
  if (reading.range !== undefined && await isDeep(bytes, file)) {
    return to8Bits(await decodeDeep(bytes, file, reading), reading.range);
  }
  return await decoding(bytes, file, async (readable) => {
    const picture = opened(readable, reading).toColourspace("srgb").removeAlpha();
    return sized(await picture.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true }), 1);
  });
}

/** RGB of 16 bits, row-major. */
export interface DeepImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint16Array;
}

/** The samples of an image of 16 bits, grey as RGB. @throws DataError as {@linkcode decodeImage} */
export function decodeDeep(
  bytes: Uint8Array,
  file: string,
  reading: Pick<PictureReading, "rotation"> = {},
): Promise<DeepImage> {
  return decoding(bytes, file, async (readable) => {
    const picture = opened(readable, reading).pipelineColourspace("rgb16").toColourspace("rgb16")
      .removeAlpha();
    const { width, height, data } = sized(
      await picture.raw({ depth: "ushort" }).toBuffer({ resolveWithObject: true }),
      2,
    );
    return { width, height, data: new Uint16Array(data.buffer, data.byteOffset, data.length / 2) };
  });
}

/**
 * Whether an image has 16 bits a sample; looks at the header alone. @throws DataError when it is not an image
 */
export async function isDeep(bytes: Uint8Array, file: string): Promise<boolean> {
  const header = pngHeader(bytes);
  if (header) return header.depth === 16;
  if (isJpeg(bytes)) return false;
  return await decoding(
    bytes,
    file,
    async (readable) => (await sharp(readable).metadata()).depth === "ushort",
  );
}

/**
 * An image of 16 bits in 8. @param range the samples that become 0 and 255, those between in proportion and
 * rounded; absent: the high 8 bits
 */
export function to8Bits(
  { width, height, data }: DeepImage,
  range: PictureReading["range"],
): DecodedImage {
  const eightBits = new Uint8Array(data.length);
  if (range === undefined) { for (let k = 0; k < data.length; k++) eightBits[k] = data[k]! >> 8; }
  else {
    const [low, high] = range;
    const table = Uint8Array.from(
      { length: 2 ** 16 },
      (_, value) => Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low)))),
    );
    for (let k = 0; k < data.length; k++) eightBits[k] = table[data[k]!]!;
  }
  return { width, height, data: eightBits };
}

function opened(bytes: Uint8Array, { rotation }: PictureReading): Sharp {
  const picture = sharp(bytes, { failOn: "warning", ignoreIcc: true });
  return rotation === "apply" ? picture.autoOrient() : picture;
}

function sized(
  { data, info }: { readonly data: Uint8Array; readonly info: OutputInfo },
  sampleBytes: number,
): { readonly width: number; readonly height: number; readonly data: Uint8Array } {
  if (info.channels !== 3) throw new Error(`${info.channels} channels`);
  const { width, height } = info;
  // Of memory that others share, 16 bits may begin at an odd place.
  const aligned = sampleBytes > 1 && data.byteOffset % sampleBytes !== 0 ? data.slice() : data;
  return { width, height, data: new Uint8Array(aligned.buffer, aligned.byteOffset, aligned.byteLength) };
}

/**
 * Runs a decoder that treats every warning as damage. When a JPEG fails, bytes that no pixel depends on are
 * taken out and it is tried once more, as strictly.
 */
async function decoding<T>(
  bytes: Uint8Array,
  file: string,
  decode: (bytes: Uint8Array) => Promise<T>,
): Promise<T> {
  await requireForm(bytes, file);
  // The decoder does not look that far.
  if (isCutShort(bytes)) throw new DataError(file, `the image ${CUT_SHORT}`);
  try {
    return await decode(bytes);
  } catch (cause) {
    const mended = isJpeg(bytes) ? withoutStrayBytes(bytes) : undefined;
    const decoded = mended && await decode(mended).catch(() => undefined);
    if (decoded !== undefined) return decoded;
    const limit = cause instanceof Error && /pixel limit/.test(cause.message);
    const why = limit
      ? "the image has more than 268 million pixels, too many to decode"
      : "the image is damaged, cut short or not a JPEG or PNG";
    throw new DataError(file, why, { cause });
  }
}

const CUT_SHORT = "is cut short: its end is missing; copy or download it again";

function isCutShort(bytes: Uint8Array): boolean {
  return isJpeg(bytes) ? !jpegIsWhole(bytes) : pngHeader(bytes) !== undefined && !pngIsWhole(bytes);
}

/** What a PNG holds, samples as stored: nothing is stretched, no palette is applied. */
export interface StoredPng extends DecodedLabels {
  readonly data: Uint8Array | Uint16Array;
  /** 1 for grey and palette, 3 for colours; one more with transparency. */
  readonly channels: number;
  /** Bits a sample. */
  readonly depth: number;
}

/** Why a mask cannot be a JPEG. */
const JPEG_MASK =
  "is a JPEG, whose compression changes ids; save the masks as PNG from what they were made from";

/**
 * Decodes a label PNG of any form; checksums are verified. A header that claims more pixels than its bytes
 * can hold is refused before memory is set aside.
 * @throws DataError when it is a JPEG, damaged, cut short, not a PNG, or interlaced with less than 8 bits
 */
export function decodeStored(bytes: Uint8Array, file: string): StoredPng {
  if (isJpeg(bytes)) throw new DataError(file, `this ${JPEG_MASK}`);
  const header = pngHeader(bytes);
  if (header && !pngIsWhole(bytes)) throw new DataError(file, `the label image ${CUT_SHORT}`);
  if (header?.interlaced && header.depth < 8) {
    throw new DataError(
      file,
      `this label image is an interlaced PNG of ${countOf(header.depth, "bit")}, ` +
        "which cannot be read; save it without interlacing, or with 8 bits",
    );
  }
  if (header && header.bits > MOST_BITS_PER_BYTE * bytes.length) {
    throw new DataError(
      file,
      `the label image claims to be ${header.width} x ${header.height} pixels, which its ${bytes.length} bytes ` +
        "cannot hold; it is damaged",
    );
  }
  let png;
  try {
    png = decodePng(bytes, { checkCrc: true });
  } catch (cause) {
    throw new DataError(file, "the label image is damaged, cut short or not a PNG", { cause });
  }
  const { width, height, depth, channels } = png;
  const stored = png.data instanceof Uint16Array ? png.data : new Uint8Array(png.data);
  const palette = pngPalette(bytes);
  return {
    width,
    height,
    depth,
    channels,
    data: depth < 8 ? unpacked(stored, png) : stored,
    // A PNG of colours may have one as well, for screens that show few.
    ...(header?.palette && palette ? { palette } : {}),
  };
}

/** Turns a label file into ids. @throws DataError when it does not hold what was expected */
export type LabelDecoder = (bytes: Uint8Array, file: string) => DecodedLabels;

/**
 * Decodes a label PNG of one channel: grey (1 to 16 bits) or palette, whose indices count.
 * @param expected what should have been there instead of colours, for the error
 * @throws DataError as {@linkcode decodeStored}, and when it has colour channels
 */
export function decodeLabels(
  bytes: Uint8Array,
  file: string,
  expected = "class ids in one channel, grey or palette",
): DecodedLabels {
  const { channels, ...stored } = decodeStored(bytes, file);
  if (channels === 1) return stored;
  throw new DataError(file, `the label image has ${channels} channels; expected ${expected}`);
}

/** Deflate makes at most 1032 bytes of one, so a header that claims more is false. */
const MOST_BITS_PER_BYTE = 1032 * 8;

/** Pixels of less than 8 bits lie packed, most significant bits first; each row begins with a new byte. */
function unpacked(
  packed: Uint8Array | Uint16Array,
  { width, height, depth }: { readonly width: number; readonly height: number; readonly depth: number },
): Uint8Array {
  const row = Math.ceil(width * depth / 8);
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      const byte = packed[y * row + (bit >> 3)]!;
      data[y * width + x] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
  }
  return data;
}
