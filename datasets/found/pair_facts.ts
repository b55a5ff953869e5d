/**
 * What one image and its label file say of themselves, read when a recipe is written for folders that nobody
 * has described.
 */
import sharp from "sharp";
import { DataError } from "../../core/errors.ts";
import type { FileReader } from "../../core/plugin.ts";
import { decodeImage, decodeStored, type StoredPng } from "../decode.ts";

/** An image and, where it has one, its label file; absolute paths. */
export interface SurveyedPair {
  readonly image: string;
  readonly labels?: string;
}

/** What a label file holds, row-major. */
export interface LabelValues {
  readonly width: number;
  readonly height: number;
  /** Ids, or colours as 0xrrggbb. */
  readonly data: ArrayLike<number>;
  readonly by: "index" | "colour";
  /** Of indices: the colour of each as 0xrrggbb; absent where the file has no palette. */
  readonly palette?: readonly number[];
}

/** What a pair says of itself. */
export interface PairFacts {
  /** Pixels, of the picture as its labels show it. */
  readonly width: number;
  readonly height: number;
  readonly labels?: LabelValues;
  /**
   * Set when the image has a rotation tag: the picture on which its labels were drawn, by their size; unknown
   * when both have the same size.
   */
  readonly turned?: "stored" | "upright" | "unknown";
  /** The largest sample of an image of 16 bits; 0 of another one. */
  readonly brightest: number;
}

/**
 * The label files hold no class ids at all. One such file condemns its folder, since it is of another kind.
 */
export class NoIdsError extends DataError {}

/**
 * Reads a pair.
 * @throws NoIdsError when the labels are of another kind altogether
 * @throws DataError when only this pair cannot be used
 */
export async function readPair({ image, labels }: SurveyedPair, files: FileReader): Promise<PairFacts> {
  const { width, height, orientation, brightest } = await factsOf(image, files);
  const upright = orientation >= 5 ? { width: height, height: width } : { width, height };
  const turned = orientation === 1 ? {} : { turned: "unknown" as const };
  if (labels === undefined) return { ...upright, ...turned, brightest };
  const stored = decodeStored(await files.read(labels), labels);
  const fits = (size: { readonly width: number; readonly height: number }) =>
    size.width === stored.width && size.height === stored.height;
  if (!fits({ width, height }) && !fits(upright)) {
    throw new DataError(
      labels,
      `the labels are ${stored.width} x ${stored.height} pixels, the image ${width} x ${height}`,
    );
  }
  const told = width === upright.width
    ? turned
    : { turned: fits(upright) ? "upright" as const : "stored" as const };
  return { width: stored.width, height: stored.height, labels: valuesOf(stored, labels), ...told, brightest };
}

/**
 * What an image file says of itself. It is decoded as training would: a header is still there when the rest
 * of a file is not. `brightest` is the largest sample of a 16-bit image, 0 for others.
 */
async function factsOf(image: string, files: FileReader) {
  const bytes = await files.read(image);
  const { width, height } = await decodeImage(bytes, image);
  const { orientation = 1, depth } = await sharp(bytes).metadata();
  const stats = depth === "ushort" ? (await sharp(bytes).removeAlpha().stats()).channels : [];
  return { width, height, orientation, brightest: Math.max(0, ...stats.map(({ max }) => max)) };
}

/** What a label PNG holds: ids of one channel, or colours as 0xrrggbb of several. */
function valuesOf(stored: StoredPng & Pick<LabelValues, "palette">, file: string): LabelValues {
  const { width, height, channels, depth, data, palette } = stored;
  if (channels === 1) return { width, height, data, by: "index", ...(palette ? { palette } : {}) };
  if (depth === 16) {
    throw new NoIdsError(
      file,
      `16 bits and ${channels} channels; expected one channel of class ids, or colours of 8 bits ` +
        "(files of SYNTHIA are read by `type: synthia`, docs/datasets.md)",
    );
  }
  const colours = new Uint32Array(width * height);
  for (let pixel = 0, at = 0; pixel < colours.length; pixel++, at += channels) {
    colours[pixel] = channels < 3
      ? 0x010101 * data[at]!
      : (data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!;
  }
  return { width, height, data: colours, by: "colour" };
}
