/** The contrast normalisation of similarities: subtract each row's mean, divide by its deviation. */
import * as tf from "@tensorflow/tfjs-core";

/** Added to the deviation. */
export const EPSILON = 1e-10;

/** What rows are normalised with; constants for every gradient. */
export interface RowStatistics {
  /** float32 [N, P, 1] */
  readonly mean: tf.Tensor3D;
  /** float32 [N, P, 1]: 1 / (unbiased standard deviation + 1e-10) */
  readonly inverse: tf.Tensor3D;
}

/** Statistics of the rows of float32 [N, P, Q]; one column has deviation 0. */
export function rowStatistics(d: tf.Tensor3D): RowStatistics {
  return tf.tidy(() => {
    const columns = d.shape[2];
    const mean = tf.mean(d, 2, true) as tf.Tensor3D;
    const squares = tf.sum(tf.square(tf.sub(d, mean)), 2, true);
    const deviation = tf.sqrt(tf.div(squares, Math.max(1, columns - 1)));
    return { mean, inverse: tf.reciprocal(tf.add(deviation, EPSILON)) as tf.Tensor3D };
  });
}

/** (d - mean) / (deviation + 1e-10) by row. Not differentiable by itself. */
export function normaliseRows(d: tf.Tensor3D, { mean, inverse }: RowStatistics): tf.Tensor3D {
  return tf.mul(tf.sub(d, mean), inverse) as tf.Tensor3D;
}
