/** An image, its labels and what was predicted, side by side. */
import { encode } from "fast-png";
import type { Rgb } from "../../core/label_space.ts";
import type { Normalization } from "../../core/plan.ts";
import type { Picture } from "./messages.ts";

/** One image of a validation. */
export interface ValidatedImage {
  /** float32, height x width x 3, as the network saw it. */
  readonly input: { readonly images: Float32Array; readonly height: number; readonly width: number };
  /** Train ids, labelHeight x labelWidth. */
  readonly labels: Uint8Array;
  /** The same of what was predicted. */
  readonly predictions: Uint8Array;
  readonly labelHeight: number;
  readonly labelWidth: number;
}

/** How it is drawn. */
export interface PictureOptions {
  readonly normalization: Normalization;
  /** By train id; ids without one are black. */
  readonly colours: readonly Rgb[];
}

/** The widest a part may be, in pixels; larger ones are drawn smaller by leaving pixels out. */
const WIDEST = 512;

type Colour = (row: number, column: number) => Rgb;

/** An image, its labels and its prediction side by side, each at most 512 pixels wide, aspect kept. */
export function validationPicture(
  image: ValidatedImage,
  { normalization, colours }: PictureOptions,
): Picture {
  const { input, labels, predictions, labelHeight, labelWidth } = image;
  const scale = Math.min(1, WIDEST / labelWidth);
  const [height, width] = [labelHeight, labelWidth].map((side) => Math.max(1, Math.round(side * scale)));
  const black: Rgb = [0, 0, 0];
  const ids = (plane: Uint8Array): Colour => (row, column) =>
    colours[plane[row * labelWidth + column]!] ?? black;
  const parts: readonly [Colour, number, number][] = [
    [pixelsOf(input, normalization), input.height, input.width],
    [ids(labels), labelHeight, labelWidth],
    [ids(predictions), labelHeight, labelWidth],
  ];
  const whole = parts.length * width!;
  const data = new Uint8Array(height! * whole * 3);
  parts.forEach(([colour, rows, columns], part) => {
    for (let y = 0; y < height!; y++) {
      const row = Math.floor((y + 0.5) * rows / height!);
      for (let x = 0; x < width!; x++) {
        data.set(colour(row, Math.floor((x + 0.5) * columns / width!)), 3 * (y * whole + part * width! + x));
      }
    }
  });
  return { width: whole, height: height!, png: encode({ width: whole, height: height!, channels: 3, data }) };
}

/** The colour of an input's pixel, with the normalisation undone. */
function pixelsOf(
  { images, width }: ValidatedImage["input"],
  { order, scale, mean, deviation }: Normalization,
): Colour {
  const places = order === "rgb" ? [0, 1, 2] : [2, 1, 0];
  return (row, column) =>
    places.map((channel) => {
      const value = images[3 * (row * width + column) + channel]!;
      return Math.max(0, Math.min(255, Math.round((value * deviation[channel]! + mean[channel]!) / scale)));
    }) as unknown as Rgb;
}
