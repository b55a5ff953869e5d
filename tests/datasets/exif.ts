/** Pictures with a rotation tag. */
import sharp from "sharp";
import type { Size } from "./png.ts";

/** RGB, 3 bytes a pixel; left and right, top and bottom differ. */
export function scene({ width, height }: Size): Uint8Array {
  return Uint8Array.from({ length: 3 * width * height }, (_, k) => {
    const pixel = Math.floor(k / 3), x = pixel % width, y = Math.floor(pixel / width);
    return [(x * 9) % 256, (y * 11) % 256, (x * y) % 256][k % 3]!;
  });
}

/** The formats that hold a tag. */
export type Tagged = "jpeg" | "png" | "webp" | "tiff";

/** A file that is stored as `pixels`, with a tag. */
export async function tagged(
  { pixels, orientation, format }: {
    readonly pixels: Size & { readonly data: Uint8Array };
    readonly orientation: number;
    readonly format: Tagged;
  },
): Promise<Uint8Array> {
  const { width, height, data } = pixels;
  const image = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
  const written = format === "webp"
    ? image.webp({ lossless: true })
    : format === "tiff"
    ? image.tiff({ compression: "none" })
    : image.toFormat(format);
  return new Uint8Array(await written.toBuffer());
}

/** How the upright picture has to be stored so that the tag turns it back: the tag's own definition. */
export function storedFor(
  orientation: number,
  { width, height, data }: Size & { readonly data: Uint8Array },
): Size & { readonly data: Uint8Array } {
  const turned = orientation >= 5;
  const [across, down] = turned ? [height, width] : [width, height];
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [right, below] = [width - 1 - x, height - 1 - y];
      // EXIF 2.32: which edges of the scene row 0 and column 0 of the file are.
      const [row, column] = [
        [y, x],
        [y, right],
        [below, right],
        [below, x],
        [x, y],
        [right, y],
        [right, below],
        [x, below],
      ][orientation - 1]!;
      for (let c = 0; c < 3; c++) out[3 * (row! * across + column!) + c] = data[3 * (y * width + x) + c]!;
    }
  }
  return { width: across, height: down, data: out };
}
