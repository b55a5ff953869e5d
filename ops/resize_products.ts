/**
 * Resizing as two small matrix products, one for each side. A resize that treats rows and columns alike is A
 * X B^T for each channel, where row k of A [to, from] holds the weights of the old rows in the new row k (two
 * for bilinear). The gradient is A^T dY B. Pooling by means and blurring are of the same form and use
 * `byProducts` too.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D } from "./kernel_types.ts";

/** The matrix of one side, row by row. */
export interface Weights {
  readonly data: Float32Array;
  /** [to, from] */
  readonly shape: [number, number];
}

/** Which of the two rules says where new pixels lie among the old ones. */
export interface Centres {
  /** Corner pixels lie on corner pixels (PyTorch's `align_corners=True`); absent: half-pixel centres. */
  readonly alignCorners?: boolean;
}

/**
 * The matrix that makes a side of `to` pixels out of one of `from`; the weights of a new pixel add up to 1.
 */
export function weights(from: number, to: number, centres: Centres = {}): Weights {
  const data = new Float32Array(to * from);
  const at = place({ from, to, ...centres });
  for (let row = 0; row < to; row++) {
    const { low, high, share } = at(row);
    data[row * from + low]! += 1 - share;
    data[row * from + high]! += share;
  }
  return { data, shape: [to, from] };
}

/**
 * For a new pixel, the two old pixels around its centre, and the share of the second, in [0, 1). At the edge
 * both are the same pixel.
 */
export function place({ from, to, alignCorners }: Centres & { readonly from: number; readonly to: number }) {
  return (pixel: number) => {
    const centre = alignCorners
      ? to === 1 ? 0 : (pixel * (from - 1)) / (to - 1)
      : Math.max(0, ((pixel + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(centre), from - 1);
    return { low, high: Math.min(low + 1, from - 1), share: centre - low };
  };
}

/** See {@linkcode Kernels.resizeBilinear}. */
export function resizeByProducts(
  x: tf.Tensor4D,
  size: readonly [number, number],
  centres: Centres = {},
): tf.Tensor4D {
  const rows = weights(x.shape[1], size[0], centres), columns = weights(x.shape[2], size[1], centres);
  return byProducts(x, { rows, columns }, false);
}

/** See {@linkcode Kernels.resizeBilinearGradient}. */
export function resizeGradientByProducts(
  dy: tf.Tensor4D,
  xShape: Shape4D,
  centres: Centres = {},
): tf.Tensor4D {
  const rows = weights(xShape[1], dy.shape[1], centres), columns = weights(xShape[2], dy.shape[2], centres);
  return byProducts(dy, { rows, columns }, true);
}

/** The matrices of both sides. */
export interface Matrices {
  readonly rows: Weights;
  readonly columns: Weights;
}

/**
 * A X B^T for every image and channel; transposed, A^T X B.
 * @param x float32 [N, H, W, C] @param transposed for the gradient
 * @returns float32 [N, H', W', C], the sides as the matrices say; of or to a side of 0, zeros
 */
export function byProducts(x: tf.Tensor4D, { rows, columns }: Matrices, transposed: boolean): tf.Tensor4D {
  return tf.tidy(() => {
    const [n, h, w, c] = x.shape;
    const side = transposed ? 1 : 0;
    const tall = rows.shape[side], wide = columns.shape[side];
    // Engines fail with products of nothing: such a sum has no terms, or no place.
    if (x.size === 0 || tall * wide === 0) return tf.zeros([n, tall, wide, c]);
    // Rows first: [tall, h] x [h, w c] for each image; then columns: [wide, w] x [w, c] for each row.
    const a = times(rows, tf.reshape(x, [n, h, w * c]) as tf.Tensor3D, transposed);
    const b = times(columns, tf.reshape(a, [n * tall, w, c]) as tf.Tensor3D, transposed);
    return tf.reshape(b, [n, tall, wide, c]) as tf.Tensor4D;
  });
}

/** matrix x for each of the batch. @param x [B, from, M] @returns [B, to, M] */
function times(matrix: Weights, x: tf.Tensor3D, transposed: boolean): tf.Tensor {
  const left = tf.tensor3d(matrix.data, [1, ...matrix.shape]);
  return tf.matMul(left, x, transposed, false);
}
