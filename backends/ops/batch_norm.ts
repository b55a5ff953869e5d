import * as tf from "@tensorflow/tfjs-core";

/** What a training-mode batch normalisation also yields, for the running statistics. */
export interface BatchStatistics {
  /** float32 [C] */
  readonly mean: tf.Tensor1D;
  /** float32 [C], biased (divided by the count) */
  readonly variance: tf.Tensor1D;
}

/** How {@linkcode batchNormTrain} works. */
export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Receives the batch's statistics during the forward pass, e.g. to update running ones. */
  readonly record?: (statistics: BatchStatistics) => void;
}

/** Mean and biased variance of every channel of float32 [N, H, W, C]; a product with a row of ones, which is fast. */
export function batchStatistics(x: tf.Tensor4D): BatchStatistics {
  return tf.tidy(() => {
    const flat = rows(x);
    const mean = columnSums(flat, 1 / flat.shape[0]);
    const variance = columnSums(tf.square(tf.sub(flat, mean)), 1 / flat.shape[0]);
    return { mean, variance };
  });
}

/**
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the batch's own statistics, gradients through them.
 * @param x float32 [N, H, W, C] @param gamma float32 [C] @param beta float32 [C]
 */
export function batchNormTrain(
  x: tf.Tensor4D,
  affine: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D },
  options: BatchNormOptions,
): tf.Tensor4D {
  const op = tf.customGrad((...args) => {
    const [input, gamma, beta, save] = args as unknown as [
      tf.Tensor4D,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.GradSaveFunc,
    ];
    const { mean, variance } = batchStatistics(input);
    options.record?.({ mean, variance });
    const inverse = tf.rsqrt(tf.add(variance, options.epsilon));
    const factor = tf.mul(gamma, inverse);
    save([input, gamma, mean, inverse]);
    return {
      value: tf.add(tf.mul(input, factor), tf.sub(beta, tf.mul(mean, factor))),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy as tf.Tensor4D, saved),
    };
  });
  return op(x, affine.gamma, affine.beta) as tf.Tensor4D;
}

function gradients(dy: tf.Tensor4D, saved: tf.Tensor[]): tf.Tensor[] {
  const [x, gamma, mean, inverse] = saved as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
  return tf.tidy(() => {
    const flat = rows(dy);
    const count = flat.shape[0];
    const dBeta = columnSums(flat, 1);
    const normal = tf.mul(tf.sub(rows(x), mean), inverse) as tf.Tensor2D;
    const dGamma = columnSums(tf.mul(flat, normal), 1);
    const centred = tf.sub(tf.sub(flat, tf.div(dBeta, count)), tf.mul(normal, tf.div(dGamma, count)));
    const dx = tf.reshape(tf.mul(centred, tf.mul(gamma, inverse)), x.shape);
    return [dx, dGamma, dBeta];
  });
}

/** Batch normalisation with given statistics: a per-channel scale and shift. All float32. */
export function batchNormInfer(
  x: tf.Tensor4D,
  affine: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D },
  statistics: BatchStatistics,
  epsilon: number,
): tf.Tensor4D {
  const inverse = tf.rsqrt(tf.add(statistics.variance, epsilon));
  const normal = tf.mul(tf.sub(x, statistics.mean), inverse) as tf.Tensor4D;
  return scaleShift(normal, affine.gamma, affine.beta);
}

/** x * gamma + beta per channel; its parameter gradients are column sums by matrix product. */
function scaleShift(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
  const op = tf.customGrad((...args) => {
    const [input, g, b, save] = args as unknown as [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    save([input, g]);
    return {
      value: tf.add(tf.mul(input, g), b),
      gradFunc: (dy: tf.Tensor, [a, scale]: tf.Tensor[]) => [
        tf.mul(dy, scale!),
        columnSums(rows(tf.mul(dy, a!) as tf.Tensor4D), 1),
        columnSums(rows(dy as tf.Tensor4D), 1),
      ],
    };
  });
  return op(x, gamma, beta) as tf.Tensor4D;
}

function rows(x: tf.Tensor4D): tf.Tensor2D {
  const channels = x.shape[3];
  return tf.reshape(x, [x.size / channels, channels]);
}

function columnSums(x: tf.Tensor2D | tf.Tensor, factor: number): tf.Tensor1D {
  const [count, channels] = x.shape as [number, number];
  return tf.reshape(tf.matMul(tf.fill([1, count], factor), x as tf.Tensor2D), [channels]);
}
