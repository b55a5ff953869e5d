/**
 * Numbers as colours: dark violet is little, bright yellow is much. The scale is a path through OKLCH whose
 * lightness rises evenly, so equal steps look about equally large, the order is right in grey and for
 * colour-blind eyes, and no band looks like an edge that the data do not have (as a rainbow's would).
 */
import type { Rgb } from "../../core/label_space.ts";

/** Colours of the table. */
const STEPS = 256;

/** All colours once they were computed. */
let table: readonly Rgb[] | undefined;

/** The colour of a share in 0..1; shares outside are taken to the nearer end. */
export function heat(share: number): Rgb {
  table ??= Array.from({ length: STEPS }, (_, k) => colourAt(k / (STEPS - 1)));
  return table[Math.round(Math.min(1, Math.max(0, share)) * (STEPS - 1))]!;
}

/**
 * The colour of a share in 0..1, on a curve in OKLCH: the lightness rises from 0.26 to 0.92, and the hue
 * turns from violet over blue and green to yellow.
 */
function colourAt(share: number): Rgb {
  const lightness = 0.26 + 0.66 * share;
  const hue = (305 - 200 * share) * Math.PI / 180;
  // The largest chroma that a screen has there, up to 0.15.
  for (let chroma = 0.15;; chroma -= 0.005) {
    const colour = screenColour([lightness, chroma * Math.cos(hue), chroma * Math.sin(hue)]);
    if (colour.every((value) => value >= 0 && value <= 1) || chroma <= 0) {
      return colour.map((value) => Math.round(255 * Math.min(1, Math.max(0, value)))) as unknown as Rgb;
    }
  }
}

/**
 * OKLab (Björn Ottosson 2020) to sRGB; 0..1 a channel where a screen can show the colour, outside where it
 * cannot.
 */
function screenColour([lightness, a, b]: readonly [number, number, number]): number[] {
  const [l, m, s] = [
    lightness + 0.3963377774 * a + 0.2158037573 * b,
    lightness - 0.1055613458 * a - 0.0638541728 * b,
    lightness - 0.0894841775 * a - 1.291485548 * b,
  ].map((value) => value ** 3) as [number, number, number];
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((value) =>
    Math.abs(value) <= 0.0031308
      ? 12.92 * value
      : Math.sign(value) * (1.055 * Math.abs(value) ** (1 / 2.4) - 0.055)
  );
}
