import { decode as decodePng } from "fast-png";
import sharp from "sharp";
import { DataError } from "../core/errors.ts";
import { countOf } from "../core/words.ts";
import { requireForm } from "./image_form.ts";

/** RGB, row-major, 3 bytes a pixel. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Class ids as stored, row-major; palette images give their indices. */
export interface DecodedLabels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array;
}

/**
 * Decodes a JPEG, PNG, TIFF or WebP (or what else sharp reads; of several pages the first) to 8-bit RGB as stored: embedded colour profiles are not applied, as
 * Pillow's `convert("RGB")` does not (CMYK goes through sharp's own profile); transparency is dropped, rotation tags are
 * not followed, because label files do not carry them. @throws DataError when it is cut short or not an image
 */
export async function decodeImage(bytes: Uint8Array, file: string): Promise<DecodedImage> {
  await requireForm(bytes, file);
  try {
    const picture = sharp(bytes, { failOn: "warning", ignoreIcc: true })
      .toColourspace("srgb")
      .removeAlpha();
    const { data, info } = await picture.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`${info.channels} channels`);
    const { buffer, byteOffset, byteLength } = data;
    return { width: info.width, height: info.height, data: new Uint8Array(buffer, byteOffset, byteLength) };
  } catch (cause) {
    const limit = cause instanceof Error && /pixel limit/.test(cause.message);
    const why = limit
      ? "the image has more than 268 million pixels, too many to decode"
      : "the image is damaged, cut short or not a JPEG or PNG";
    throw new DataError(file, why, { cause });
  }
}

/** Whether viewers turn or mirror the image because of its EXIF tag; {@linkcode decodeImage} does not. */
export async function hasRotationTag(bytes: Uint8Array): Promise<boolean> {
  const { orientation = 1 } = await sharp(bytes).metadata();
  return orientation !== 1;
}

/** What a PNG holds, samples as stored: nothing is stretched, no palette is applied. */
export interface StoredPng extends DecodedLabels {
  /** 1 for grey and palette, 3 for colours; one more with transparency. */
  readonly channels: number;
  /** Bits a sample. */
  readonly depth: number;
}

/**
 * Decodes a label PNG; checksums are verified.
 * @throws DataError when it is damaged, cut short, not a PNG, or interlaced with less than 8 bits
 */
export function decodeStored(bytes: Uint8Array, file: string): StoredPng {
  const header = pngHeader(bytes);
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
  return { width, height, depth, channels, data: depth < 8 ? unpacked(stored, png) : stored };
}

/** Turns a label file into ids. @throws DataError when it does not hold what was expected */
export type LabelDecoder = (bytes: Uint8Array, file: string) => DecodedLabels;

/**
 * Decodes a label PNG: grey (1 to 16 bits) or palette; checksums are verified.
 * @param expected what should have been there instead of colours, for the error
 * @throws DataError when it is damaged, cut short, not a PNG or has colour channels
 */
export function decodeLabels(
  bytes: Uint8Array,
  file: string,
  expected = "class ids in one channel, grey or palette",
): DecodedLabels {
  const { width, height, channels, data } = decodeStored(bytes, file);
  if (channels === 1) return { width, height, data };
  throw new DataError(file, `the label image has ${channels} channels; expected ${expected}`);
}

/** Deflate makes at most 1032 bytes of one, so a header that claims more is false, and nothing is set aside for it. */
const MOST_BITS_PER_BYTE = 1032 * 8;

/** The first chunk of a PNG. */
export interface PngHeader {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Of all pixels. */
  readonly bits: number;
  /** Bits a sample. */
  readonly depth: number;
  readonly palette: boolean;
  readonly grey: boolean;
  readonly interlaced: boolean;
}

/** By PNG's colour type. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Undefined when the bytes do not begin as a PNG does. */
export function pngHeader(bytes: Uint8Array): PngHeader | undefined {
  if (bytes.length < 29 || !SIGNATURE.every((byte, at) => bytes[at] === byte)) return undefined;
  const [depth, colour, , , interlace] = bytes.subarray(24, 29);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const bits = width * height * depth! * (CHANNELS[colour!] ?? 1);
  return {
    width,
    height,
    bits,
    depth: depth!,
    palette: colour === 3,
    grey: colour === 0,
    interlaced: interlace === 1,
  };
}

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
