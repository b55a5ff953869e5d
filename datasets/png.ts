/**
 * The chunks of a PNG (ISO/IEC 15948): what its header says, and whether it is whole. Read from the bytes
 * directly, since this must be known before a decoder sets memory aside for what a header claims.
 */

/** What the first chunk says. */
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

/** A chunk. */
export interface PngChunk {
  /** As in `PLTE`. */
  readonly type: string;
  /** Shorter than its header says where the bytes end before it does. */
  readonly data: Uint8Array;
  /** Whether all of it is there, its checksum included. */
  readonly whole: boolean;
}

/** The chunks of a PNG, or of the beginning of one, up to the last. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE.length; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    yield { type, data: bytes.subarray(at + 8, end), whole: end + 4 <= bytes.length };
    if (type === "IEND") return;
    at = end + 4;
  }
}

/** Whether the last chunk is there; a file that was cut short has none. */
export function pngIsWhole(bytes: Uint8Array): boolean {
  for (const { type, whole } of pngChunks(bytes)) {
    if (type === "IEND") return whole;
  }
  return false;
}

/** The palette's colours as 0xrrggbb; undefined where there is none before the pixels, or it is cut short. */
export function pngPalette(bytes: Uint8Array): number[] | undefined {
  for (const { type, data, whole } of pngChunks(bytes)) {
    if (type === "IDAT") return undefined;
    if (type === "PLTE" && whole) {
      return Array.from({ length: Math.floor(data.length / 3) }, (_, k) => rgbOf(data, 3 * k));
    }
  }
  return undefined;
}

/** 0xrrggbb of three bytes. */
export function rgbOf(bytes: ArrayLike<number>, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}
