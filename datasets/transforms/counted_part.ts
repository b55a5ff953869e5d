/**
 * Which part of a crop counts, for recipes that give the borders of images no weight (`margins`); padding has
 * none either.
 */
import type { TrainingTransforms } from "../../core/plan.ts";
import type { Size } from "./resize.ts";
import { windowAt } from "./sample.ts";

/** Rows and columns of a crop that count, each [first, end); none where both are equal. */
export interface Part {
  /** [first, end) */
  readonly rows: readonly [number, number];
  /** [first, end) */
  readonly columns: readonly [number, number];
}

/** Where a crop lies and how it is turned. */
export interface CropPart {
  /** The image as resized. */
  readonly size: Size;
  /** [height, width] in pixels. */
  readonly crop: readonly [number, number];
  readonly place: readonly [number, number];
  readonly flip: boolean;
}

/**
 * The part of a crop that lies in the image and in none of its margins. A margin is a share of the image as
 * resized, in whole pixels, rounded down; mirroring is taken into account.
 */
export function countedPart(
  [top, right, bottom, left]: NonNullable<TrainingTransforms["margins"]>,
  { size, crop, place, flip }: CropPart,
): Part {
  const window = windowAt(size, { size: crop, place });
  const along = (side: number, margins: readonly [number, number], first: number, length: number) => {
    const from = Math.max(Math.floor(margins[0] * side) - first, 0);
    const end = Math.min(side - Math.floor(margins[1] * side) - first, length);
    return [Math.min(from, length), Math.max(end, Math.min(from, length))] as const;
  };
  const rows = along(size.height, [top, bottom], window.top, window.height);
  const [first, end] = along(size.width, [left, right], window.left, window.width);
  return { rows, columns: flip ? [crop[1] - end, crop[1] - first] : [first, end] };
}
