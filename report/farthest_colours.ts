/** Colours that are told apart: each the farthest from those before it. */
import type { Rgb } from "../core/label_space.ts";

/** Steps of a channel: 343 colours to choose from. */
const LEVELS = [0, 43, 85, 128, 170, 213, 255];

/** Taken already: black stands for no class, and white bleaches overlays. */
const TAKEN: readonly Rgb[] = [[0, 0, 0], [255, 255, 255]];

/** How colours are told apart. */
export interface Eyes<Seen> {
  /** What is compared of a colour. */
  see(colour: Rgb): Seen;
  distance(a: Seen, b: Seen): number;
}

/**
 * Always the same colours: each is, of a grid of 343, the one whose distance to the nearest of black, white and those before it
 * is largest. The first n do not depend on how many follow. @param count at most 341
 */
export function farthestColours<Seen>(count: number, { see, distance }: Eyes<Seen>): Rgb[] {
  const grid = LEVELS.flatMap((red) =>
    LEVELS.flatMap((green) => LEVELS.map((blue): Rgb => [red, green, blue]))
  );
  const seen = grid.map(see), nearest = grid.map(() => Infinity);
  const take = (colour: Seen) =>
    seen.forEach((other, k) => nearest[k] = Math.min(nearest[k]!, distance(other, colour)));
  TAKEN.map(see).forEach(take);
  return Array.from({ length: count }, () => {
    const farthest = nearest.indexOf(Math.max(...nearest));
    take(seen[farthest]!);
    return grid[farthest]!;
  });
}
