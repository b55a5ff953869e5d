/**
 * How viewers turn a picture because of its EXIF tag (EXIF 2.32, 4.6.4, tag 274).
 *
 * Cameras store pixels as the sensor lies and note how to turn them. Annotation tools usually show the
 * picture turned, so its labels lie on turned pixels; a reader that ignores the tag puts every label on the
 * wrong pixel, without any error where the picture is square or upside down. So tags are read here, and where
 * labels could be meant either way the recipe must say which (pictures.ts).
 */
import { isJpeg, jpegParts } from "./jpeg.ts";
import { pngChunks, pngHeader } from "./png.ts";

/** What has to be done to see the picture upright, in words, by the tag's value 2 to 8. */
export const TURNS: Readonly<Record<number, string>> = {
  2: "mirrored",
  3: "upside down",
  4: "upside down and mirrored",
  5: "a quarter turn and mirrored",
  6: "a quarter turn",
  7: "a quarter turn and mirrored",
  8: "a quarter turn",
};

/** Whether upright width and height are exchanged. */
export function swapsSides(orientation: number): boolean {
  return orientation >= 5;
}

/**
 * The tag of a JPEG, PNG, WebP or TIFF, 1 to 8; 1 (as stored) where there is none, or one that cannot be
 * read.
 * @param bytes the file, or its beginning
 */
export function orientationOf(bytes: Uint8Array): number {
  const block = exifOf(bytes);
  const found = block && tagOf(block);
  return found !== undefined && found >= 1 && found <= 8 ? found : 1;
}

/** Whether the beginning of a file tells its tag as the whole would. */
export function tellsOrientation(head: Uint8Array): boolean {
  if (pngHeader(head)) return firstOf(pngChunks(head), ({ type }) => type === "eXIf" || type === "IDAT");
  if (isJpeg(head)) {
    return firstOf(jpegParts(head), ({ marker, start }) => marker === SOS || isExif(head, start));
  }
  // WebP says in its first chunk whether a tag follows; the directory of a TIFF may lie at its end.
  if (isWebp(head)) return text(head, 12, 16) !== "VP8X" || (head[20]! & WEBP_EXIF) === 0;
  return !isTiff(head);
}

const SOS = 0xda, APP1 = 0xe1, ORIENTATION = 0x0112, WEBP_EXIF = 8;

/**
 * The block of a file that holds its tags, laid out as a TIFF; undefined when it has none before its pixels.
 */
function exifOf(bytes: Uint8Array): Uint8Array | undefined {
  if (isJpeg(bytes)) {
    for (const { marker, start, end } of jpegParts(bytes)) {
      if (marker === SOS) return undefined;
      if (isExif(bytes, start)) return bytes.subarray(start + 10, end);
    }
    return undefined;
  }
  if (pngHeader(bytes)) {
    for (const { type, data } of pngChunks(bytes)) {
      if (type === "eXIf") return withoutPrefix(data);
      if (type === "IDAT") return undefined;
    }
    return undefined;
  }
  if (isWebp(bytes)) return webpExif(bytes);
  return isTiff(bytes) ? bytes : undefined;
}

function isExif(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 1] === APP1 && text(bytes, start + 4, start + 8) === "Exif";
}

function isWebp(bytes: Uint8Array): boolean {
  return text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP";
}

function isTiff(bytes: Uint8Array): boolean {
  const begin = text(bytes, 0, 4);
  return begin === "II*\0" || begin === "MM\0*";
}

function webpExif(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length;) {
    const length = view.getUint32(at + 4, true);
    if (text(bytes, at, at + 4) === "EXIF") return withoutPrefix(bytes.subarray(at + 8, at + 8 + length));
    // Chunks begin at even places.
    at += 8 + length + (length & 1);
  }
  return undefined;
}

/** Some writers keep the prefix that only JPEG needs. */
function withoutPrefix(block: Uint8Array): Uint8Array {
  return text(block, 0, 4) === "Exif" ? block.subarray(6) : block;
}

/** The value of the tag in the first directory of a TIFF; undefined where it is not there. */
function tagOf(tiff: Uint8Array): number | undefined {
  if (!isTiff(tiff) || tiff.length < 8) return undefined;
  const little = tiff[0] === 0x49;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return undefined;
  const entries = view.getUint16(directory, little);
  for (let k = 0, at = directory + 2; k < entries && at + 12 <= tiff.length; k++, at += 12) {
    if (view.getUint16(at, little) === ORIENTATION) return view.getUint16(at + 8, little);
  }
  return undefined;
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function firstOf<T>(all: Iterable<T>, wanted: (one: T) => boolean): boolean {
  for (const one of all) if (wanted(one)) return true;
  return false;
}
