/**
 * Windows that slide over an input which is too large for the network, and the mean of their results where
 * they overlap. Plain numbers, no tensors.
 *
 * predict.ts cuts and joins by them. Every pixel must be in at least one window, or its mean would be 0 / 0.
 */
import type { Grid } from "../ops/resize_bilinear.ts";
import type { WindowPlan } from "../core/plan.ts";

/** A rectangle of an input, in pixels. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Windows that cover an input of `height` x `width` pixels, row by row. They begin a stride apart; the last
 * one along a side is shifted back so that it ends with the side. Along a side that is shorter than the
 * window, there is one window, as long as the side.
 */
export function windowsOf(height: number, width: number, { size, stride }: WindowPlan): Window[] {
  const rows = starts(height, size[0], stride[0]);
  const columns = starts(width, size[1], stride[1]);
  return rows.flatMap((top) =>
    columns.map((left) => ({
      top,
      left,
      height: Math.min(size[0], height),
      width: Math.min(size[1], width),
    }))
  );
}

/** Where windows begin along one side. */
function starts(length: number, size: number, stride: number): number[] {
  const last = Math.max(0, length - size);
  const count = Math.ceil(last / stride) + 1;
  return Array.from({ length: count }, (_, k) => Math.min(k * stride, last));
}

/** The values in a window, of data that has `channels` values a pixel in rows of `width` pixels. */
export function cutWindow(
  data: Float32Array,
  { width, channels }: { readonly width: number; readonly channels: number },
  window: Window,
): Float32Array {
  const row = window.width * channels;
  const out = new Float32Array(window.height * row);
  for (let y = 0; y < window.height; y++) {
    const from = ((window.top + y) * width + window.left) * channels;
    out.set(data.subarray(from, from + row), y * row);
  }
  return out;
}

/** Adds up windows and averages them where they overlap. */
export class WindowMean {
  readonly #grid: Grid;
  readonly #covered: Uint32Array;

  /** Begins with zeros of this size. */
  constructor({ height, width, channels }: Omit<Grid, "data">) {
    this.#grid = { height, width, channels, data: new Float32Array(height * width * channels) };
    this.#covered = new Uint32Array(height * width);
  }

  /** Adds the values of a window. @param values window.height x window.width x channels */
  add(window: Window, values: ArrayLike<number>): void {
    const { width, channels, data } = this.#grid;
    let at = 0;
    for (let y = 0; y < window.height; y++) {
      const pixel = (window.top + y) * width + window.left;
      for (let k = pixel * channels; k < (pixel + window.width) * channels; k++) data[k]! += values[at++]!;
      for (let k = pixel; k < pixel + window.width; k++) this.#covered[k]! += 1;
    }
  }

  /**
   * The mean at every pixel. To be called once, after windows that cover every pixel: it divides in place.
   */
  mean(): Grid {
    const { channels, data } = this.#grid;
    this.#covered.forEach((times, pixel) => {
      if (times === 1) return;
      for (let k = pixel * channels; k < (pixel + 1) * channels; k++) data[k]! /= times;
    });
    return this.#grid;
  }
}
