/** Label files whose colours, not whose numbers, say the class (`labels: {by: colour}`). */
import { DataError } from "../core/errors.ts";
import { type DecodedLabels, decodeStored, type StoredPng } from "./decode.ts";
import { rgbOf } from "./png.ts";

/**
 * The colour of every pixel of a PNG as 0xrrggbb: of three channels, of a palette in any order, or of grey.
 * Transparency is dropped. @throws DataError as {@linkcode decodeStored}, or when a pixel has no colour of 8
 * bits
 */
export function decodeColours(bytes: Uint8Array, file: string): DecodedLabels {
  const stored = decodeStored(bytes, file);
  const { width, height, channels, palette } = stored;
  const data = new Uint32Array(width * height);
  if (palette) fromPalette(stored, { palette, data, file });
  else {
    const samples = samplesOf8Bits(stored, file);
    for (let pixel = 0, at = 0; pixel < data.length; pixel++, at += channels) {
      data[pixel] = channels >= 3 ? rgbOf(samples, at) : 0x010101 * samples[at]!;
    }
  }
  return { width, height, data };
}

function fromPalette(
  { width, data: indices }: StoredPng,
  { palette, data, file }: {
    readonly palette: readonly number[];
    readonly data: Uint32Array;
    readonly file: string;
  },
): void {
  for (let pixel = 0; pixel < data.length; pixel++) {
    const colour = palette[indices[pixel]!];
    if (colour === undefined) {
      const at = `(${pixel % width}, ${Math.floor(pixel / width)})`;
      throw new DataError(file, `its palette has no colour for index ${indices[pixel]} at pixel ${at}`);
    }
    data[pixel] = colour;
  }
}

/**
 * Samples of any depth as 8 bits, the largest possible becoming 255. @throws DataError for 16-bit samples
 * that are no 8-bit ones stretched
 */
function samplesOf8Bits({ depth, data }: StoredPng, file: string): ArrayLike<number> {
  if (depth === 8) return data;
  // What a sample can be at most becomes 255.
  const scale = 255 / (2 ** depth - 1);
  const samples = Uint8Array.from(data, (value) => Math.round(scale * value));
  if (depth === 16 && data.some((value, at) => value !== 257 * samples[at]!)) {
    throw new DataError(file, "its colours have 16 bits a channel; expected 8, as in `classes`");
  }
  return samples;
}
