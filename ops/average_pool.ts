/**
 * Pooling by means. A mean over windows is linear and separable: with A [H', H] that holds 1 / size at the
 * rows of a window, and B alike for the columns, the result of a channel X is A X B^T. So it is two small
 * matrix products, one for each side, and its gradient the same two with A and B transposed. tfjs has no
 * adaptive form of its own.
 */
import * as tf from "@tensorflow/tfjs-core";
import { byProducts, type Weights } from "./resize_products.ts";

/**
 * The mean of every window of size x size pixels, side by side. Rows and columns at the end that fill no
 * window are left out; an image smaller than a window gives a side of 0.
 * @param x float32 [N, H, W, C], N at least 1 @returns float32 [N, floor(H / size), floor(W / size), C]
 */
export function averagePool(x: tf.Tensor4D, size: number): tf.Tensor4D {
  return pooled(
    x,
    [1, 2].map((axis) => {
      const from = x.shape[axis]!;
      return means(from, Math.floor(from / size), (cell) => [cell * size, (cell + 1) * size]);
    }),
  );
}

/**
 * The mean of each of size[0] x size[1] cells, of which cell i covers the rows floor(i H / n) to ceil((i + 1)
 * H / n) - 1 (PyTorch's adaptive average pooling). If n does not divide H, neighbouring cells share pixels; a
 * grid finer than the image repeats them.
 * @param x float32 [N, H, W, C], none of them 0 @returns float32 [N, size[0], size[1], C]
 */
export function adaptiveAveragePool(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  return pooled(
    x,
    size.map((to, side) => {
      const from = x.shape[side + 1]!;
      return means(
        from,
        to,
        (cell) => [Math.floor(cell * from / to), Math.ceil((cell + 1) * from / to)],
      );
    }),
  );
}

/** The operator: two products forward, the same two transposed for the gradient. It keeps nothing. */
function pooled(x: tf.Tensor4D, [rows, columns]: readonly Weights[]): tf.Tensor4D {
  const matrices = { rows: rows!, columns: columns! };
  const op = tf.customGrad((...args) => {
    const [input] = args as unknown as [tf.Tensor4D];
    return {
      value: byProducts(input, matrices, false),
      gradFunc: (dy: tf.Tensor) => byProducts(dy as tf.Tensor4D, matrices, true),
    };
  });
  return op(x) as tf.Tensor4D;
}

/** @param cover the pixels of a cell: its first, and the first after it */
function means(from: number, to: number, cover: (cell: number) => readonly [number, number]): Weights {
  const data = new Float32Array(to * from);
  for (let cell = 0; cell < to; cell++) {
    const [first, end] = cover(cell);
    data.fill(1 / (end - first), cell * from + first, cell * from + end);
  }
  return { data, shape: [to, from] };
}
