/**
 * Crops that show some classes more often than chance would: the crop is centred on a pixel of one of them.
 * Jobs can ask for it (`preferCrops`) for the images that they label.
 */
import type { Sample } from "../../core/plugin.ts";
import type { Size } from "./resize.ts";

/**
 * The random numbers for it, all in [0, 1). They are drawn for every image, needed or not, so that the
 * loader's numbers do not depend on the data.
 */
export interface PlaceDraw {
  /** Below the chance: the crop is centred. */
  readonly roll: number;
  /** Which of the classes that the image has. */
  readonly class: number;
  /** Which of the class's pixels. */
  readonly pixel: number;
}

/** A crop's size and that of the image that it is cut from. */
export interface CropPlace {
  /** The image as resized. */
  readonly size: Size;
  /** [height, width] in pixels. */
  readonly crop: readonly [number, number];
  readonly draw: PlaceDraw;
}

/**
 * The place of a crop that is centred on a random pixel of a random one of the preferred classes that the
 * image shows, moved to stay inside.
 * @returns as `Crop.place`; undefined when the image has no such pixel, or chance leaves the crop as it is
 */
export function preferredPlace(
  { width, height, labels, prefer }: Sample,
  { size, crop, draw }: CropPlace,
): readonly [number, number] | undefined {
  if (!labels || !prefer || draw.roll >= prefer.chance) return undefined;
  const counts = prefer.classes.map(() => 0);
  for (const label of labels) {
    const place = prefer.classes.indexOf(label);
    if (place >= 0) counts[place]! += 1;
  }
  const there = prefer.classes.filter((_, k) => counts[k]! > 0);
  if (there.length === 0) return undefined;
  const label = there[Math.floor(draw.class * there.length)]!;
  let left = Math.floor(draw.pixel * counts[prefer.classes.indexOf(label)]!);
  const at = labels.findIndex((one) => one === label && left-- === 0);
  return [
    placeOf(Math.floor(at / width), { from: height, to: size.height, window: crop[0] }),
    placeOf(at % width, { from: width, to: size.width, window: crop[1] }),
  ];
}

/** Along a side: the place of the window that is centred on a pixel of the file. */
function placeOf(
  pixel: number,
  { from, to, window }: { readonly from: number; readonly to: number; readonly window: number },
): number {
  const room = Math.max(0, to - window);
  const first = Math.round((pixel + 0.5) * to / from - window / 2);
  // The middle of what becomes this window.
  return (Math.min(room, Math.max(0, first)) + 0.5) / (room + 1);
}
