/** PNGs as datasets store labels: palettes and 16 bits, which the encoders at hand do not write. */
import { crc32, deflateSync } from "node:zlib";

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is written: samples row by row, channels together, at most 16 bits each. */
export interface Raw extends Size {
  readonly depth: 1 | 2 | 4 | 8 | 16;
  /** As PNG numbers it: 0 grey, 2 colours, 3 palette. */
  readonly colour: 0 | 2 | 3;
  readonly samples: ArrayLike<number>;
}

/** A PNG without filters; palettes have 256 loud colours that are no ids. */
export function rawPng({ width, height, depth, colour, samples }: Raw): Uint8Array {
  const channels = colour === 2 ? 3 : 1;
  const row = Math.ceil(width * channels * depth / 8);
  const lines = new Uint8Array(height * (row + 1));
  for (let y = 0; y < height; y++) {
    for (let k = 0; k < width * channels; k++) {
      const sample = samples[y * width * channels + k]!;
      const at = y * (row + 1) + 1;
      if (depth === 16) {
        lines[at + 2 * k] = sample >> 8;
        lines[at + 2 * k + 1] = sample & 255;
      } else {
        const bit = k * depth;
        lines[at + (bit >> 3)]! |= sample << (8 - depth - (bit & 7));
      }
    }
  }
  const head = new DataView(new ArrayBuffer(13));
  head.setUint32(0, width);
  head.setUint32(4, height);
  head.setUint8(8, depth);
  head.setUint8(9, colour);
  const palette = Uint8Array.from({ length: 3 * Math.min(256, 2 ** depth) }, (_, k) => 255 - (k * 7) % 256);
  return joined([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", new Uint8Array(head.buffer)),
    ...(colour === 3 ? [chunk("PLTE", palette)] : []),
    chunk("IDAT", deflateSync(lines)),
    chunk("IEND", new Uint8Array()),
  ]);
}

/** GTAV's kind of label file. */
export function palettePng(size: Size, ids: ArrayLike<number>): Uint8Array {
  return rawPng({ ...size, depth: 8, colour: 3, samples: ids });
}

/** SYNTHIA's kind of label file: ids in the first of three channels of 16 bits, instances in the second. */
export function synthiaPng(size: Size, ids: ArrayLike<number>): Uint8Array {
  const samples = Array.from({ length: 3 * ids.length }, (_, k) => [ids[k / 3]!, 40000 + k, 0][k % 3]!);
  return rawPng({ ...size, depth: 16, colour: 2, samples });
}

/** A colour picture of 8 bits. */
export function colourPng({ width, height }: Size, seed = 0): Uint8Array {
  const samples = Array.from({ length: 3 * width * height }, (_, k) => (k * 37 + seed * 101) % 256);
  return rawPng({ width, height, depth: 8, colour: 2, samples });
}

function chunk(kind: string, data: Uint8Array): Uint8Array {
  const body = joined([new TextEncoder().encode(kind), data]);
  const ends = new DataView(new ArrayBuffer(8));
  ends.setUint32(0, data.length);
  ends.setUint32(4, crc32(body));
  return joined([new Uint8Array(ends.buffer, 0, 4), body, new Uint8Array(ends.buffer, 4)]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
