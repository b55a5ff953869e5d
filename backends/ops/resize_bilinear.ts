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

interface Weights {
  readonly data: Float32Array;
  /** [to, from] */
  readonly shape: [number, number];
}

function weights(from: number, to: number): Weights {
  const data = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const centre = Math.max(0, ((row + 0.5) * from) / to - 0.5);
    const low = Math.min(Math.floor(centre), from - 1);
    const high = Math.min(low + 1, from - 1);
    const share = centre - low;
    data[row * from + low]! += 1 - share;
    data[row * from + high]! += share;
  }
  return { data, shape: [to, from] };
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
