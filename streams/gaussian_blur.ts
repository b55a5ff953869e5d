/**
 * Gaussian blur with a reflected border. The kernel is separable, so a blur is two small matrix products, one
 * for each side, like a resize: row k of a side's matrix holds the kernel centred on k.
 *
 * disturbance.ts calls it, with a width that was drawn on the host. The kernel is a tenth of the side, so
 * one reflection at each end is enough.
 */
import * as tf from "@tensorflow/tfjs-core";
import { byProducts, type Weights } from "../ops/resize_products.ts";

/**
 * Blurs images; no gradient is defined. The kernel is odd, about a tenth of each side: with m = ceil(side /
 * 10), floor(m - 1 / 2 + m mod 2) pixels (Tranheden et al. 2021, DACS). Its sum is 1, so blurring a
 * normalised image gives the blurred image, normalised.
 * @param x float32 [N, H, W, C] @param sigma in pixels, positive @returns the same shape
 */
export function gaussianBlur(x: tf.Tensor4D, sigma: number): tf.Tensor4D {
  const [, height, width] = x.shape;
  return byProducts(x, { rows: blurring(height, sigma), columns: blurring(width, sigma) }, false);
}

/** How many pixels the kernel has along a side of so many. */
export function kernelSide(side: number): number {
  const tenth = Math.ceil(0.1 * side);
  return Math.floor(tenth - 0.5 + tenth % 2);
}

/** The matrix of a side. What reaches over the border is reflected: pixel -1 is pixel 1. */
function blurring(side: number, sigma: number): Weights {
  const half = (kernelSide(side) - 1) / 2;
  const kernel = Array.from(
    { length: 2 * half + 1 },
    (_, k) => Math.exp(-((k - half) ** 2) / (2 * sigma ** 2)),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  const data = new Float32Array(side * side);
  for (let to = 0; to < side; to++) {
    kernel.forEach((value, k) => {
      const at = Math.abs(to + k - half);
      const from = at < side ? at : 2 * (side - 1) - at;
      data[to * side + from]! += value / sum;
    });
  }
  return { data, shape: [side, side] };
}
