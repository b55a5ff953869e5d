/**
 * Pictures on both sides of the network: resized to what it sees, and drawn with what it said. The picture
 * that is shown is the one that the network saw, so that colours and pixels fit.
 */
import type { Rgb } from "../../core/label_space.ts";
import type { Labels } from "./runtime.ts";
import type { PageSize } from "../../export/label_page_data.ts";

/**
 * [width, height] of a picture when the network sees it: the fixed size; else the shorter side as wanted, but
 * no side longer than `longest`. Sides are at least 32 when it is resized.
 */
function seenSize(
  width: number,
  height: number,
  { fixed, shortSide, longest }: PageSize,
): [number, number] {
  if (fixed) return [fixed[1], fixed[0]];
  const wanted = shortSide === undefined ? 1 : shortSide / Math.min(width, height);
  const factor = Math.min(wanted, longest / Math.max(width, height));
  const side = (pixels: number) => Math.max(32, Math.round(pixels * factor));
  return factor === 1 ? [width, height] : [side(width), side(height)];
}

/**
 * The pixels of a picture or of a video's frame at the size that the network sees. @param sides [width,
 * height] of the source @param size how large it must be
 */
export function pixelsOf(
  source: CanvasImageSource,
  [width, height]: readonly [number, number],
  size: PageSize,
): ImageData {
  const [wide, tall] = seenSize(width, height, size);
  const canvas = new OffscreenCanvas(wide, tall);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, wide, tall);
  return context.getImageData(0, 0, wide, tall);
}

/** What is shown of the labels. */
export type Shown = "labels" | "confidence" | "picture";

/** How a picture is shown: with what, how strongly, and in which colours. */
export interface Showing {
  readonly shown: Shown;
  /** Share of the colours over the picture, in [0, 1]. */
  readonly opacity: number;
  /** Columns from here on, in [0, 1] of the width, are the second network's. */
  readonly split: number;
  /** By train id. */
  readonly colours: readonly Rgb[];
}

/**
 * Draws a picture with its labels: those of one network, or those of two, the first left of a line and the
 * second right of it. @param found of one or two networks, at the size of the picture
 */
export function draw(
  canvas: HTMLCanvasElement,
  picture: ImageData,
  found: readonly Labels[],
  showing: Showing,
): void {
  const { width, height } = picture;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const { shown, opacity, colours } = showing;
  const line = found.length > 1 ? Math.round(showing.split * width) : 0;
  const image = new ImageData(new Uint8ClampedArray(picture.data), width, height);
  const { data } = image;
  for (let pixel = 0, at = 0; pixel < width * height; pixel++, at += 4) {
    data[at + 3] = 255;
    const labels = pixel % width < line ? found[0] : found.at(-1);
    if (labels === undefined || shown === "picture") continue;
    const grey = 255 * labels.confidence[pixel]!;
    const colour = shown === "labels" ? colours[labels.ids[pixel]!] ?? [0, 0, 0] : [grey, grey, grey];
    const share = shown === "labels" ? opacity : 1;
    for (let channel = 0; channel < 3; channel++) {
      data[at + channel] = (1 - share) * data[at + channel]! + share * colour[channel]!;
    }
  }
  canvas.getContext("2d", { willReadFrequently: true })!.putImageData(image, 0, 0);
}

/** The share of the pixels that each class has, in [0, 1], by train id. */
export function sharesOf({ ids }: Labels, classes: number): number[] {
  const counts = Array<number>(classes).fill(0);
  for (const id of ids) counts[id]!++;
  return counts.map((count) => count / ids.length);
}
