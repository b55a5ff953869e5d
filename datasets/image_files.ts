/** Which files are images and labels, by their names and by their first bytes. */

/** Files of one kind, known by how their names end. */
export interface FileKind {
  readonly test: RegExp;
  /** As in "the folder holds no ...". */
  readonly words: string;
}

/** What is read as an image: the forms of photographs that sharp's prebuilt library decodes. */
export const IMAGES: FileKind = {
  test: /\.(jpe?g|jpe|jfif|png|tiff?|webp)$/i,
  words: "JPEG, PNG, TIFF or WebP",
};

/** Images by their names that are not read; a person who has some wants to know that they are passed over. */
export const UNREAD_IMAGES = /\.(bmp|gif|hei[cf]|avif|jp2|jxl|tga|p[gp]m|exr|dng|cr2|nef|arw)$/i;

/** What is read as labels. */
export const LABELS: FileKind = { test: /\.png$/i, words: "PNG" };

/** What a file is by its first bytes, whatever its name; undefined: none of these. */
export function formOf(bytes: Uint8Array): "TIFF" | "WebP" | "BMP" | "GIF" | "HEIF" | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(0, 4))) return "TIFF";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "WebP";
  if (text(0, 3) === "GIF") return "GIF";
  if (text(4, 8) === "ftyp") return "HEIF";
  // Two letters are little: a bitmap's header names its own length and begins with one of few sizes.
  if (text(0, 2) === "BM" && bytes.length > 18 && [12, 40, 52, 56, 64, 108, 124].includes(bytes[14]!)) {
    return "BMP";
  }
  return undefined;
}
