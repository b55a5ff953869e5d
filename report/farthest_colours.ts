/**
 * Colours that are told apart. Each colour is the one of a grid that is farthest from its nearest neighbour
 * among those before it (farthest-point sampling), so the first ones are very different and later ones fill
 * gaps. What "far" means is the caller's choice ({@linkcode Eyes}).
 */
import type { Rgb } from "../core/label_space.ts";

/** The values of a channel: 7^3 = 343 colours to choose from. */
const LEVELS = [0, 43, 85, 128, 170, 213, 255];

/** Counted as taken: black means no class, and white bleaches overlays. */
const TAKEN: readonly Rgb[] = [[0, 0, 0], [255, 255, 255]];

/** How colours are told apart. */
export interface Eyes<Seen> {
  /** What is compared of a colour. */
  see(colour: Rgb): Seen;
  distance(a: Seen, b: Seen): number;
}

/**
 * So many colours, always the same. The first n do not depend on how many follow.
 * @param count at most 341
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
