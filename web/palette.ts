/**
 * How classes look on a page: in the colours that their dataset's authors chose, or in looks that do not rely
 * on telling red from green.
 *
 * The second is computed, not listed. Every candidate colour is turned into what four kinds of eyes see:
 * common ones, and those with protanopia, deuteranopia and tritanopia (a 3x3 matrix in linear RGB each). Then
 * it is written in OKLab, where a distance is about as large as the difference looks. The distance of two
 * colours is the smallest of the four distances. Colours that are far from each other by this measure are
 * taken one after the other ({@linkcode farthestColours}). Each further colour is nearer to some other, so
 * after eleven the same colours come again with a pattern.
 */
import type { Rgb } from "../core/label_space.ts";
import { farthestColours } from "../report/farthest_colours.ts";

/** How a class is drawn. */
export interface ClassStyle {
  readonly colour: Rgb;
  /** Drawn over the colour where there are more classes than colours that eyes tell apart. */
  readonly pattern: Pattern;
}

/** Colour only, diagonal lines, or dots. */
export type Pattern = "plain" | "lines" | "dots";

/** In the order in which {@linkcode safeStyles} takes them. */
const PATTERNS: readonly Pattern[] = ["plain", "lines", "dots"];

/** Colours of {@linkcode safeStyles}; three patterns each give 33 classes a look of their own. */
const SAFE_COLOURS = 11;

/**
 * What each kind of colour blindness makes of linear RGB, at full strength: protanopia, deuteranopia,
 * tritanopia; 3x3, row by row (Machado, Oliveira and Fernandes 2009).
 */
const BLINDNESS: readonly (readonly number[])[] = [
  [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881],
  [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900],
];

/** Each class in its own colour, without a pattern. */
export function plainStyles(colours: readonly Rgb[]): readonly ClassStyle[] {
  return colours.map((colour) => ({ colour, pattern: "plain" }));
}

/**
 * Looks of `count` classes that people with protanopia, deuteranopia or tritanopia tell apart as well. After
 * 11 classes the colours come again with lines, after 22 with dots; from 34 on looks repeat, so a name must
 * stand beside. The first n do not depend on how many follow.
 */
export function safeStyles(count: number): readonly ClassStyle[] {
  const colours = safeColours();
  return Array.from({ length: count }, (_, id) => ({
    colour: colours[id % SAFE_COLOURS]!,
    pattern: PATTERNS[Math.floor(id / SAFE_COLOURS) % PATTERNS.length]!,
  }));
}

/** The colours once they were computed, which takes a moment. */
let safe: readonly Rgb[] | undefined;

/** The colours of {@linkcode safeStyles}, always the same. */
function safeColours(): readonly Rgb[] {
  return safe ??= farthestColours(SAFE_COLOURS, { see: appearances, distance });
}

/** A colour in OKLab: as common eyes see it, then by each of {@linkcode BLINDNESS}. */
type Appearances = readonly (readonly number[])[];

/**
 * The OKLab distance of two colours for the kind of eyes that sees the smallest one; black and white are 1
 * apart. Exported for the test that holds the palette to it.
 */
export function worstDistance(a: Rgb, b: Rgb): number {
  return distance(appearances(a), appearances(b));
}

/** The smallest of the distances that the kinds of eyes see. */
function distance(a: Appearances, b: Appearances): number {
  return Math.min(...a.map((one, eye) => Math.hypot(...one.map((value, k) => value - b[eye]![k]!))));
}

/**
 * What each kind of eyes sees of an sRGB colour (0..255 a channel): gamma removed, the matrix applied, turned
 * into OKLab.
 */
function appearances(colour: Rgb): Appearances {
  const linear = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return [linear, ...BLINDNESS.map((matrix) => product(matrix, linear))].map(oklab);
}

/**
 * Linear RGB to OKLab [L, a, b], L in 0..1 (Björn Ottosson 2020). Channels below 0, which the matrices of
 * blindness make, count as 0.
 */
function oklab(linear: readonly number[]): readonly number[] {
  const cones = product(
    [
      0.4122214708,
      0.5363325363,
      0.0514459929,
      0.2119034982,
      0.6806995451,
      0.1073969566,
      0.0883024619,
      0.2817188376,
      0.6299787005,
    ],
    linear.map((value) => Math.max(0, value)),
  ).map(Math.cbrt);
  return product(
    [
      0.2104542553,
      0.793617785,
      -0.0040720468,
      1.9779984951,
      -2.428592205,
      0.4505937099,
      0.0259040371,
      0.7827717662,
      -0.808675766,
    ],
    cones,
  );
}

/** A 3x3 matrix, row by row, times a vector. */
function product(matrix: readonly number[], [x, y, z]: readonly number[]): number[] {
  return [0, 3, 6].map((row) => matrix[row]! * x! + matrix[row + 1]! * y! + matrix[row + 2]! * z!);
}
