/**
 * Bilinear resizing with its gradient. Two rules say where a new pixel lies among the old ones: half-pixel
 * centres, (k + 1/2) from / to - 1/2, or aligned corners, k (from - 1) / (to - 1). Published networks were
 * trained with either, so it is an option of the model. `resizedRows` makes only some rows of a large result,
 * for images whose probabilities at full size would not fit into a backend's memory.
 */
import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "./kernels.ts";
import {
  byProducts,
  type Centres,
  place,
  resizeByProducts,
  resizeGradientByProducts,
  type Weights,
  weights,
} from "./resize_products.ts";

/**
 * Bilinear resize. tfjs's own gradient is wrong for half-pixel centres, which PyTorch calls
 * `align_corners=False`. Nothing is kept for the gradient: a resize is linear. The same size gives the same
 * pixels.
 * @param x float32 [N, H, W, C], N at least 1 @param size [height, width] @returns float32 [N, height, width,
 * C]
 */
export function resizeBilinear(
  x: tf.Tensor4D,
  size: readonly [number, number],
  centres: Centres = {},
): tf.Tensor4D {
  const { shape } = x;
  if (shape[1] === size[0] && shape[2] === size[1]) return tf.clone(x);
  const op = tf.customGrad((...args) => {
    const [input] = args as unknown as [tf.Tensor4D];
    // Engines have kernels for half-pixel centres; the other rule is as exact and a little slower.
    return centres.alignCorners
      ? {
        value: resizeByProducts(input, size, centres),
        gradFunc: (dy: tf.Tensor) => resizeGradientByProducts(dy as tf.Tensor4D, shape, centres),
      }
      : {
        value: kernels().resizeBilinear(input, size),
        gradFunc: (dy: tf.Tensor) => kernels().resizeBilinearGradient(dy as tf.Tensor4D, shape),
      };
  });
  return op(x) as tf.Tensor4D;
}

/** A map of one image on the host, whose memory may be larger than a backend's. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** float32, height x width x channels */
  readonly data: Float32Array;
}

/** Consecutive rows: first, ..., first + count - 1. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/**
 * Some rows of {@linkcode resizeBilinear}'s result, computed from the rows of the grid that they need, so
 * that memory grows with `rows` and not with `size`.
 * @param size [height, width] of the whole result @param rows within that result, at least one
 * @returns float32 [1, rows.count, width, channels]
 */
export function resizedRows(
  grid: Grid,
  size: readonly [number, number],
  { rows, ...centres }: Centres & { readonly rows: Rows },
): tf.Tensor4D {
  const { height, width, channels, data } = grid;
  const taken = (first: number, count: number) =>
    tf.tensor4d(data.subarray(first * width * channels, (first + count) * width * channels), [
      1,
      count,
      width,
      channels,
    ]);
  if (height === size[0] && width === size[1]) return taken(rows.first, rows.count);
  return tf.tidy(() => {
    const { needed, weights: tall } = rowWeights({ from: height, to: size[0], centres }, rows);
    const columns = weights(width, size[1], centres);
    return byProducts(taken(needed.first, needed.count), { rows: tall, columns }, false);
  });
}

/** A side that is resized. */
interface Side {
  readonly from: number;
  readonly to: number;
  readonly centres: Centres;
}

/** The part of {@linkcode weights} that makes `rows`, and which old rows it reads (`needed`). */
function rowWeights({ from, to, centres }: Side, rows: Rows): { needed: Rows; weights: Weights } {
  const at = place({ from, to, ...centres });
  const first = at(rows.first).low;
  const count = at(rows.first + rows.count - 1).high - first + 1;
  const data = new Float32Array(rows.count * count);
  for (let row = 0; row < rows.count; row++) {
    const { low, high, share } = at(rows.first + row);
    data[row * count + low - first]! += 1 - share;
    data[row * count + high - first]! += share;
  }
  return { needed: { first, count }, weights: { data, shape: [rows.count, count] } };
}
