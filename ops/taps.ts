/**
 * A convolution by its taps. Tap (row, column) of a window is one position in the filter. As the window
 * slides, the tap sees one pixel for each output pixel: a strided slice of the padded image. So a convolution
 * is a sum over taps of slices times weights, and gradients are the same with roles exchanged. The portable
 * kernels are made of these slices.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D, Window } from "./kernel_types.ts";

/**
 * Puts `stride - 1` zeros between neighbouring pixels, as the output of a strided convolution lies in its
 * input: side n becomes (n - 1) * stride + 1.
 */
export function spread(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return tf.clone(x);
  return tf.tidy(() => {
    const [n, h, w, c] = x.shape;
    const rows = tf.pad(tf.reshape(x, [n * h, 1, w * c]), [[0, 0], [0, stride - 1], [0, 0]]);
    const cells = tf.pad(tf.reshape(rows, [n * h * stride * w, 1, c]), [[0, 0], [0, stride - 1], [0, 0]]);
    const whole = tf.reshape(cells, [n, h * stride, w * stride, c]) as tf.Tensor4D;
    return tf.slice(whole, [0, 0, 0, 0], [n, (h - 1) * stride + 1, (w - 1) * stride + 1, c]);
  });
}

/**
 * The pixels that a tap sees, one for each output pixel.
 * @param x float32 [N, H, W, C], padded already @param at row and column of the tap, times the dilation
 * @param out height and width of the output @returns float32 [N, ...out, C]
 */
export function tapPixels(
  x: tf.Tensor4D,
  at: readonly [number, number],
  out: readonly [number, number],
  stride: number,
) {
  const [n, , , c] = x.shape;
  const [row, column] = at;
  const end = [n, row + (out[0] - 1) * stride + 1, column + (out[1] - 1) * stride + 1, c];
  if (stride === 1) return tf.slice(x, [0, row, column, 0], [n, out[0], out[1], c]);
  return tf.stridedSlice(x, [0, row, column, 0], end, [1, stride, stride, 1]) as tf.Tensor4D;
}

/** `x` with zeros on all four sides. */
export function padded(x: tf.Tensor4D, padding: number): tf.Tensor4D {
  if (padding === 0) return tf.clone(x);
  return tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]]) as tf.Tensor4D;
}

/**
 * The image from which the gradient of a convolution's input is read: the output's gradient, spread by the
 * stride, with a margin. The turned filter slides over it in steps of one pixel and gives one result for each
 * input pixel. Where the margin would be negative, because output pixels saw padding only, the image is cut.
 * @param sides of the filter
 * @returns float32 [N, H + dilation (h - 1), W + dilation (w - 1), O], for an input of H x W
 */
export function slopeImage(
  dy: tf.Tensor4D,
  sides: readonly [number, number],
  xShape: Shape4D,
  { stride, padding, dilation }: Window,
): tf.Tensor4D {
  return tf.tidy(() => {
    const sparse = spread(dy, stride);
    const edges = [0, 1].map((axis) => {
      const before = dilation * (sides[axis]! - 1) - padding;
      return [before, xShape[axis + 1]! - sparse.shape[axis + 1]! + padding] as [number, number];
    });
    const around = edges.map((edge) => edge.map((pixels) => Math.max(0, pixels)) as [number, number]);
    const whole = tf.pad(sparse, [[0, 0], around[0]!, around[1]!, [0, 0]]);
    // Output pixels that saw padding only are cut off.
    return tf.slice(whole, [0, ...edges.map(([before]) => Math.max(0, -before)), 0], [
      xShape[0],
      ...[0, 1].map((axis) => xShape[axis + 1]! + dilation * (sides[axis]! - 1)),
      dy.shape[3],
    ]) as tf.Tensor4D;
  });
}

/** The side of a convolution's output; 0 or less if the window does not fit into the image. */
export function outputSide(side: number, taps: number, { stride, padding, dilation }: Window): number {
  return Math.floor((side + 2 * padding - dilation * (taps - 1) - 1) / stride) + 1;
}
