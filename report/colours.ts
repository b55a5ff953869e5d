/** The colours of classes. */
import type { LabelSpace, Rgb } from "../core/label_space.ts";
import { farthestColours } from "./farthest_colours.ts";

/** A colour for each class, by train id: those of the dataset's authors, else {@linkcode distinctColours}. */
export function classColours({ classes, colours }: LabelSpace): readonly Rgb[] {
  return colours ?? distinctColours(classes.length);
}

/**
 * Colours for classes without any: {@linkcode farthestColours} by red, green and blue. @param count at most
 * 341
 */
export function distinctColours(count: number): Rgb[] {
  return farthestColours(count, { see: (colour) => colour, distance });
}

/** Squared distance of two colours, channels weighted by how well eyes tell them apart. */
function distance(a: Rgb, b: Rgb): number {
  return 3 * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + 2 * (a[2] - b[2]) ** 2;
}
