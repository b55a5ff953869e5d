/**
 * Painting shapes into colours and labels at once. There is no anti-aliasing: every pixel belongs to one
 * thing, as in a label map, so labels are exact. Shapes are filled row by row (scan lines); what is painted
 * later lies on top.
 */
import type { Colour, Look } from "./looks.ts";

/** A point in pixels; pixel (x, y) covers [x, x + 1) by [y, y + 1). */
export type Point = readonly [number, number];

/** Gives the brightness factor of a painted pixel. */
export type Shade = (x: number, y: number) => number;

/** Colours and labels of one image, written together so that they cannot disagree. */
export class Canvas {
  readonly width: number;
  readonly height: number;
  /** RGB before the sensor, row-major, not clamped. */
  readonly colours: Float32Array;
  /** Class ids, row-major. */
  readonly labels: Uint8Array;
  /** The colour that things fade to, and the depth at which 1/e of their own is left. */
  readonly #haze: Look["haze"];

  constructor(size: { readonly width: number; readonly height: number }, haze: Look["haze"]) {
    this.width = size.width;
    this.height = size.height;
    this.colours = new Float32Array(size.width * size.height * 3);
    this.labels = new Uint8Array(size.width * size.height);
    this.#haze = haze;
  }

  /** How much of a colour is left at a depth in metres. */
  clarity(depth: number): number {
    return Math.exp(-depth / this.#haze.distance);
  }

  /** Sets one pixel; `clear` is the share of the colour that the haze leaves. */
  set(pixel: number, ink: Ink, factor: number): void {
    const { colour, clear, label } = ink;
    const haze = this.#haze.colour;
    const at = pixel * 3;
    this.colours[at] = colour[0] * factor * clear + haze[0] * (1 - clear);
    this.colours[at + 1] = colour[1] * factor * clear + haze[1] * (1 - clear);
    this.colours[at + 2] = colour[2] * factor * clear + haze[2] * (1 - clear);
    this.labels[pixel] = label;
  }

  /** Fills a convex polygon: the pixels whose middles lie inside, and at least one column. */
  polygon(points: readonly Point[], ink: Ink, shade: Shade = flat): void {
    const [top, bottom] = this.#rows(points.map(([, y]) => y));
    for (let y = top; y < bottom; y++) {
      let left = Infinity, right = -Infinity;
      for (let k = 0; k < points.length; k++) {
        const [ax, ay] = points[k]!, [bx, by] = points[(k + 1) % points.length]!;
        const middle = y + 0.5;
        if ((ay <= middle) === (by <= middle)) continue;
        const x = ax + (bx - ax) * (middle - ay) / (by - ay);
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
      if (left <= right) this.#span(y, [left, right], ink, shade);
    }
  }

  /** Fills the axis-aligned rectangle between two corners. */
  rectangle([left, top]: Point, [right, bottom]: Point, ink: Ink): void {
    const [from, to] = this.#rows([top, bottom]);
    for (let y = from; y < to; y++) this.#span(y, [left, right], ink, flat);
  }

  /** Fills an ellipse. `shade` may return 0 to leave a pixel as it is. */
  ellipse([cx, cy]: Point, [rx, ry]: Point, brush: { readonly ink: Ink; readonly shade?: Shade }): void {
    const [from, to] = this.#rows([cy - ry, cy + ry]);
    for (let y = from; y < to; y++) {
      const dy = (y + 0.5 - cy) / ry;
      const half = rx * Math.sqrt(Math.max(0, 1 - dy * dy));
      this.#span(y, [cx - half, cx + half], brush.ink, brush.shade ?? flat);
    }
  }

  /** [first, beyond the last] of the image rows that a shape covers. */
  #rows(ys: readonly number[]): [number, number] {
    return [
      Math.max(0, Math.round(Math.min(...ys))),
      Math.min(this.height, Math.round(Math.max(...ys))),
    ];
  }

  /** Fills part of a row. */
  #span(y: number, [left, right]: Point, ink: Ink, shade: Shade): void {
    const from = Math.max(0, Math.round(left));
    // A pole far away is thinner than a pixel and is still one pixel wide.
    const to = Math.min(this.width, Math.max(Math.round(right), Math.round(left) + 1));
    for (let x = from; x < to; x++) {
      const factor = shade(x, y);
      if (factor > 0) this.set(y * this.width + x, ink, factor);
    }
  }
}

/** What a shape is painted with. */
export interface Ink {
  readonly colour: Colour;
  /** The share of the colour that the haze leaves; see {@linkcode Canvas.clarity}. */
  readonly clear: number;
  /** The class id that the pixels get. */
  readonly label: number;
}

/** The shade of a shape without texture. */
function flat(): number {
  return 1;
}
