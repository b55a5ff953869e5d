/** Predictions as image files: label maps with a palette, overlays on the photograph. */
import { encode } from "fast-png";
import sharp from "sharp";
import type { Rgb } from "../core/label_space.ts";

/** One value for each pixel, row-major; `rgbPng` takes three. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * A PNG of 8-bit indices with a palette: programs read the ids, viewers show the colours.
 * @param colours by id, up to the highest that occurs
 */
export function labelPng({ width, height, data }: Plane, colours: readonly Rgb[]): Uint8Array {
  return encode({ width, height, channels: 1, data, palette: colours.map((colour) => [...colour]) });
}

/** A grey PNG, 8 bits a pixel. */
export function greyPng({ width, height, data }: Plane): Uint8Array {
  return encode({ width, height, channels: 1, data });
}

/** A colour PNG. @param data RGB, 3 bytes a pixel */
export function rgbPng({ width, height, data }: Plane): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(encode({ width, height, channels: 3, data }));
}

/** How {@linkcode overlay} mixes. */
export interface OverlayOptions {
  /** By the labels' values. */
  readonly colours: readonly Rgb[];
  /** Share of the colours, in [0, 1]. */
  readonly opacity: number;
  readonly format: "png" | "jpg";
}

/**
 * An image under the colours of its labels, as a PNG or JPEG file.
 * @param image RGB, 3 bytes a pixel, of the labels' size
 * @param labels ids, each with a colour
 */
export async function overlay(
  image: Uint8Array,
  labels: Plane,
  { colours, opacity, format }: OverlayOptions,
): Promise<Uint8Array> {
  const { width, height } = labels;
  const mixed = mixedWith(image, labels.data, { colours, opacity });
  const picture = sharp(mixed, { raw: { width, height, channels: 3 } });
  return await (format === "png" ? picture.png() : picture.jpeg({ quality: 90 })).toBuffer();
}

/**
 * An image under the colours of its labels: (1 - opacity) pixel + opacity colour, rounded.
 * @param image RGB, 3 bytes a pixel
 * @param data the labels, one a pixel
 * @returns RGB, 3 bytes a pixel
 */
export function mixedWith(
  image: Uint8Array,
  data: Uint8Array,
  { colours, opacity }: Omit<OverlayOptions, "format">,
): Uint8Array<ArrayBuffer> {
  const mixed = new Uint8Array(image.length);
  for (let pixel = 0, at = 0; pixel < data.length; pixel++) {
    const colour = colours[data[pixel]!]!;
    for (let channel = 0; channel < 3; channel++, at++) {
      mixed[at] = Math.round((1 - opacity) * image[at]! + opacity * colour[channel]!);
    }
  }
  return mixed;
}
