/**
 * An image file read the way its dataset says, and whether labels lie on its pixels.
 *
 * Sizes that agree are not enough: a rotation tag may let the stored and the upright picture have the same
 * size. Then nobody can tell from the files on which of the two the labels were drawn, and the recipe must
 * say (`rotation`).
 */
import type { PictureReading, SampleFacts } from "../core/plugin.ts";
import { decodeDeep, decodeImage, type DeepImage, isDeep, to8Bits } from "./decode.ts";
import { RotationError, SizesDifferError } from "./faults.ts";
import { stem } from "./paths.ts";
import { orientationOf, swapsSides, TURNS } from "./orientation.ts";

/** Pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A picture as a sample has it. */
export interface ReadPicture extends Size {
  readonly image: Uint8Array;
  readonly facts?: SampleFacts;
}

/**
 * Decodes an image. With `facts`, it also says what the file leaves open: a rotation tag that is not
 * followed, and how much of its range a 16-bit image uses while the recipe names none.
 * @throws DataError when the file cannot be used
 */
export async function readPicture(
  bytes: Uint8Array,
  pair: { readonly id: string; readonly image: string },
  { facts, ...reading }: PictureReading & { readonly facts: boolean },
): Promise<ReadPicture> {
  if (!facts) return shaped(await decodeImage(bytes, pair.image, reading));
  const turned = reading.rotation === undefined ? orientationOf(bytes) : 1;
  const told = { name: nameOf(pair), ...(turned === 1 ? {} : { turned }) };
  if (reading.range !== undefined || !await isDeep(bytes, pair.image)) {
    return { ...shaped(await decodeImage(bytes, pair.image, reading)), facts: told };
  }
  const deep = await decodeDeep(bytes, pair.image, reading);
  return { ...shaped(to8Bits(deep, undefined)), facts: { ...told, deep: extentOf(deep) } };
}

/** The id with the image's extension. */
export function nameOf({ id, image }: { readonly id: string; readonly image: string }): string {
  return `${id}${image.slice(stem(image).length)}`;
}

function shaped({ width, height, data }: Size & { readonly data: Uint8Array }): ReadPicture {
  return { width, height, image: data };
}

/** Dead and hot pixels do not count. */
const BEYOND = 0.001;

/** The samples between which all but a thousandth at either end lie: dead and hot pixels do not count. */
function extentOf({ data }: DeepImage): readonly [number, number] {
  const counts = new Uint32Array(2 ** 16);
  for (const value of data) counts[value]!++;
  const few = Math.floor(BEYOND * data.length);
  const reach = (from: number, step: number) => {
    let value = from;
    for (let passed = counts[value]!; passed <= few; passed += counts[value]!) value += step;
    return value;
  };
  return [reach(0, 1), reach(2 ** 16 - 1, -1)];
}

/** The image that labels should lie on. */
export interface Labelled extends Size {
  readonly bytes: Uint8Array;
  readonly rotation: PictureReading["rotation"];
}

/**
 * Checks that labels lie on an image's pixels: they have its size, and no rotation tag leaves open which
 * picture is meant.
 * @throws SizesDifferError when the sizes differ, with what a rotation tag has to do with it
 * @throws RotationError when a tag is ambiguous and the recipe does not decide
 */
export function requireFit(
  found: Size,
  picture: Labelled,
  { labels, image }: { readonly labels: string; readonly image: string },
): void {
  const { width, height, bytes, rotation } = picture;
  const fits = sameSize(found, picture);
  if (fits && rotation !== undefined) return;
  const orientation = orientationOf(bytes);
  if (fits) {
    if (!isAmbiguous(picture, orientation)) return;
    throw new RotationError(
      image,
      `it has a rotation tag (${
        tagText(orientation)
      }), and the recipe does not say whether its labels were drawn on ` +
        "it upright, as viewers and annotation tools show it (`rotation: apply`), or as it is stored (`rotation: ignore`)",
    );
  }
  throw new SizesDifferError(
    labels,
    `the labels are ${found.width} x ${found.height} pixels, their image ${image} is ${width} x ${height}` +
      tagHint(found, picture, orientation),
  );
}

/** `EXIF orientation 3, upside down` */
export function tagText(orientation: number): string {
  return `EXIF orientation ${orientation}, ${TURNS[orientation]}`;
}

/** Whether labels of the stored size may as well have been drawn on the upright picture. */
export function isAmbiguous({ width, height }: Size, orientation: number): boolean {
  return orientation !== 1 && (!swapsSides(orientation) || width === height);
}

/** Whether both sides agree. */
export function sameSize(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}

function tagHint(found: Size, { width, height, rotation }: Labelled, orientation: number): string {
  if (!swapsSides(orientation)) return "";
  const other = { width: height, height: width };
  const fits = sameSize(found, other);
  const size = `${other.width} x ${other.height}`;
  if (rotation === "apply") {
    const so = fits ? "; `rotation: ignore` reads it so" : "";
    return ` after it was turned by its rotation tag (${tagText(orientation)}); as stored it is ${size}${so}`;
  }
  const so = fits ? "; `rotation: apply` in the recipe turns it" : "";
  return `; the image has a rotation tag (${tagText(orientation)}) and would be ${size} upright${so}`;
}
