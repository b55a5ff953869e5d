/** The colours of classes. */
import type { LabelSpace, Rgb } from "../core/label_space.ts";

/** Steps of a channel: 343 colours to choose from. */
const LEVELS = [0, 43, 85, 128, 170, 213, 255];

/** A colour for each class, by train id: those of the dataset's authors, else {@linkcode distinctColours}. */
export function classColours({ classes, colours }: LabelSpace): readonly Rgb[] {
  return colours ?? distinctColours(classes.length);
}

/**
 * Always the same colours: each is, of a grid of 343, the one that is farthest from those before it, from black, which
 * stands for no class, and from white, which bleaches overlays. The first n do not depend on how many follow.
 * @param count at most 341
 */
export function distinctColours(count: number): Rgb[] {
  const grid = LEVELS.flatMap((red) =>
    LEVELS.flatMap((green) => LEVELS.map((blue): Rgb => [red, green, blue]))
  );
  const nearest = grid.map((colour) =>
    Math.min(distance(colour, [0, 0, 0]), distance(colour, [255, 255, 255]))
  );
  return Array.from({ length: count }, () => {
    let farthest = 0;
    nearest.forEach((value, k) => {
      if (value > nearest[farthest]!) farthest = k;
    });
    const chosen = grid[farthest]!;
    grid.forEach((colour, k) => nearest[k] = Math.min(nearest[k]!, distance(colour, chosen)));
    return chosen;
  });
}

/** Squared; channels weighted by how well eyes tell them apart. */
function distance(a: Rgb, b: Rgb): number {
  return 3 * (a[0] - b[0]) ** 2 + 4 * (a[1] - b[1]) ** 2 + 2 * (a[2] - b[2]) ** 2;
}
