import * as tf from "@tensorflow/tfjs-core";

/**
 * Bilinear resize with half-pixel centres (`align_corners=False`), as two small matrix products. Its gradient is
 * the transposed product; tfjs's own gradient is wrong for half-pixel centres.
 * @param x float32 [N, H, W, C] @param size [height, width] @returns float32 [N, height, width, C]
 */
export function resizeBilinear(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  const [, height, width] = x.shape;
  if (height === size[0] && width === size[1]) return tf.clone(x);
  const op = tf.customGrad((...args) => {
    const [input] = args as unknown as [tf.Tensor4D];
    return {
      value: apply(input, weights(height, size[0]), weights(width, size[1]), false),
      gradFunc: (dy: tf.Tensor) =>
        apply(dy as tf.Tensor4D, weights(height, size[0]), weights(width, size[1]), true),
    };
  });
  return op(x) as tf.Tensor4D;
}

/** Values of one image in the process's own memory, which may be larger than a backend's. */
export interface Grid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** float32, height x width x channels */
  readonly data: Float32Array;
}

/** Consecutive rows. */
export interface Rows {
  readonly first: number;
  readonly count: number;
}

/**
 * Some rows of {@linkcode resizeBilinear}'s result, from the rows of the grid that they need: memory grows with `rows`,
 * not with `size`. @param size [height, width] of the whole result @returns float32 [1, rows.count, width, channels]
 */
export function resizedRows(grid: Grid, size: readonly [number, number], rows: Rows): tf.Tensor4D {
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
    const { needed, weights: tall } = rowWeights(height, size[0], rows);
    return apply(taken(needed.first, needed.count), tall, weights(width, size[1]), false);
  });
}

/** The part of {@linkcode weights} that makes `rows`, and the old rows it begins and ends with. */
function rowWeights(from: number, to: number, rows: Rows): { needed: Rows; weights: Weights } {
  const first = place(from, to, rows.first).low;
  const count = place(from, to, rows.first + rows.count - 1).high - first + 1;
  const data = new Float32Array(rows.count * count);
  for (let row = 0; row < rows.count; row++) {
    const { low, high, share } = place(from, to, rows.first + row);
    data[row * count + low - first]! += 1 - share;
    data[row * count + high - first]! += share;
  }
  return { needed: { first, count }, weights: { data, shape: [rows.count, count] } };
}

interface Weights {
  readonly data: Float32Array;
  /** [to, from] */
  readonly shape: [number, number];
}

function weights(from: number, to: number): Weights {
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const { low, high, share } = place(from, to, row);
    data[row * from + low]! += 1 - share;
    data[row * from + high]! += share;
  }
  return { data, shape: [to, from] };
}

/** The two old pixels around the centre of a new one, and the second's share. */
function place(from: number, to: number, pixel: number) {
  const centre = Math.max(0, ((pixel + 0.5) * from) / to - 0.5);
  const low = Math.min(Math.floor(centre), from - 1);
  return { low, high: Math.min(low + 1, from - 1), share: centre - low };
}

function apply(x: tf.Tensor4D, rows: Weights, columns: Weights, transposed: boolean): tf.Tensor4D {
  return tf.tidy(() => {
    const [n, h, w, c] = x.shape;
    const side = transposed ? 1 : 0;
    const tall = rows.shape[side], wide = columns.shape[side];
    // Rows first: [tall, h] x [h, w c] for each image; then columns: [wide, w] x [w, c] for each row.
    const a = times(rows, tf.reshape(x, [n, h, w * c]) as tf.Tensor3D, transposed);
    const b = times(columns, tf.reshape(a, [n * tall, w, c]) as tf.Tensor3D, transposed);
    return tf.reshape(b, [n, tall, wide, c]) as tf.Tensor4D;
  });
}

function times(matrix: Weights, x: tf.Tensor3D, transposed: boolean): tf.Tensor {
  const left = tf.tensor3d(matrix.data, [1, ...matrix.shape]);
  return tf.matMul(left, x, transposed, false);
}
