/** Forms of images that the decoder would misread, or refuse without a word of why. */
import sharp from "sharp";
import { DataError } from "../core/errors.ts";
import { formOf } from "./image_files.ts";

/**
 * Refuses what the decoder would misread or refuse without an explanation: bitmaps; TIFFs with samples other
 * than unsigned 8 or 16 bits, which it would stretch or cut; TIFFs with more channels than colours and
 * transparency.
 * @throws DataError that says what it is and what to do
 */
export async function requireForm(bytes: Uint8Array, file: string): Promise<void> {
  const form = formOf(bytes);
  if (form === "BMP") throw new DataError(file, "this is a BMP, which is not read; save it as PNG");
  if (form !== "TIFF") return;
  // A file that cannot be opened gives its error when it is decoded.
  const held = await sharp(bytes).metadata().catch((cause: unknown) => {
    const many = cause instanceof Error && /channel limit/.test(cause.message);
    return { depth: "uchar", channels: many ? Infinity : 3 };
  });
  if (!["uchar", "ushort"].includes(held.depth)) {
    const kind = KINDS[held.depth] ?? held.depth;
    throw new DataError(
      file,
      `this is a TIFF of ${kind}; expected whole numbers of 8 or 16 bits without sign: save it so, in the range that you want`,
    );
  }
  if (held.channels > 4) {
    const many = Number.isFinite(held.channels) ? `${held.channels} channels` : "many channels";
    throw new DataError(
      file,
      `this is a TIFF of ${many}; expected grey or RGB: save three of them as an image`,
    );
  }
}

const KINDS: Readonly<Record<string, string>> = {
  char: "signed numbers of 8 bits",
  short: "signed numbers of 16 bits",
  int: "signed numbers of 32 bits",
  uint: "numbers of 32 bits",
  float: "floating-point numbers",
  double: "floating-point numbers",
  complex: "complex numbers",
  dpcomplex: "complex numbers",
};
