/**
 * How curves look: one of eight colours of the style sheet, which colour-blind eyes tell apart, and one of
 * four dashes. A colour and a dash together tell 32 curves apart.
 */

/** Colours of the style sheet, `--line-0` to `--line-7`. */
const COLOURS = 8;
/** Strokes and gaps in pixels; the first is solid. */
const DASHES: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/** The custom property of a colour; from the ninth on they come again. */
export function lineStroke(colour: number): string {
  return `--line-${colour % COLOURS}`;
}

/** Lengths of strokes and gaps in pixels; [] for a solid line. */
export function lineDash(dash: number): readonly number[] {
  return DASHES[dash % DASHES.length]!;
}
