/**
 * Batch normalisation composed of tfjs operators: what `portable.ts` offers on every backend that has no
 * kernel of its own for it. `ops/batch_norm.ts` calls it and says what a part of a batch is (its source
 * images, say): every part has its own mean and variance.
 *
 * A map is treated as a matrix with a row for each pixel. Sums over pixels are products with a row of ones,
 * which are faster than tfjs's sums. With n the normalised pixels, g the gradient of the result (0 where the
 * ReLU cut) and inverse = 1 / sqrt(variance + epsilon), the gradients of a part of m pixels are
 *
 *   dBeta = sum g,   dGamma = sum g n,   dx = gamma inverse (g - dBeta / m - n dGamma / m)
 *
 * The last two terms of dx come from the mean and the variance, which depend on x too; they are absent if the
 * statistics were given.
 *
 * If other processes have pixels of the same part (`call.shared`), the two sums within dx run over all
 * processes. The dGamma and dBeta that are returned stay those of this process; train/averaging.ts averages
 * them like every gradient.
 */
import * as tf from "@tensorflow/tfjs-core";
import { addAll } from "./add_all.ts";
import type {
  BatchStatistics,
  NormCall,
  NormGradient,
  NormGradientCall,
  NormResult,
  SharedNorm,
} from "./kernel_types.ts";

/** The parts of a batch, each as rows of pixels [images * H * W, C]. */
function partsOf(x: tf.Tensor4D, parts: readonly number[]): tf.Tensor2D[] {
  const [, height, width, channels] = x.shape;
  let image = 0;
  return parts.map((images) => {
    const part = parts.length === 1 ? x : tf.slice(x, [image, 0, 0, 0], [images, height, width, channels]);
    image += images;
    return tf.reshape(part, [images * height * width, channels]) as tf.Tensor2D;
  });
}

/** The parts as one batch again, in the shape of `like`. */
function joined(parts: readonly tf.Tensor[], like: tf.Tensor4D): tf.Tensor4D {
  return tf.reshape(parts.length === 1 ? parts[0]! : tf.concat([...parts]), like.shape) as tf.Tensor4D;
}

/** The sum over rows, times a factor. @param x [R, C] @returns [C] */
function columnSums(x: tf.Tensor, factor = 1): tf.Tensor1D {
  const [count, channels] = x.shape as [number, number];
  return tf.reshape(tf.matMul(tf.fill([1, count], factor), x as tf.Tensor2D), [channels]);
}

/** Mean and biased variance of each channel over rows of pixels. */
function statisticsOf(rows: tf.Tensor2D): BatchStatistics {
  const share = 1 / rows.shape[0];
  const mean = columnSums(rows, share);
  return { mean, variance: columnSums(tf.square(tf.sub(rows, mean)), share) };
}

/** See {@linkcode Kernels.batchNorm}. */
export function portableBatchNorm({ x, gamma, beta, residual, relu, ...call }: NormCall): NormResult {
  const parts = partsOf(x, call.parts);
  // All exchanges are begun before the first result is asked for: they travel while other parts are computed.
  const exchanges = parts.map((rows) => {
    const own = call.given ?? statisticsOf(rows);
    return call.shared?.statistics(own) ?? (() => own);
  });
  const statistics = exchanges.map((result): BatchStatistics => result());
  const normal = joined(
    parts.map((rows, k) => {
      const used = statistics[k]!;
      const factor = tf.mul(gamma, tf.rsqrt(tf.add(used.variance, call.epsilon)));
      return tf.add(tf.mul(tf.sub(rows, used.mean), factor), beta);
    }),
    x,
  );
  const sum = residual ? tf.add(normal, residual) as tf.Tensor4D : normal;
  return { y: relu ? tf.relu(sum) : sum, statistics };
}

/** See {@linkcode Kernels.batchNormGradient}. */
export function portableBatchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient {
  // What the ReLU lets through.
  const passed = call.y ? tf.mul(dy, tf.step(call.y)) as tf.Tensor4D : dy;
  const gradients = partsOf(passed, call.parts);
  const parts = partsOf(call.x, call.parts).map((rows, k) => {
    const { mean, variance } = call.statistics[k]!;
    const inverse = tf.rsqrt(tf.add(variance, call.epsilon));
    const normal = tf.mul(tf.sub(rows, mean), inverse);
    const sum = columnSums(gradients[k]!), normalSum = columnSums(tf.mul(gradients[k]!, normal));
    return { normal, sum, normalSum, factor: tf.mul(call.gamma, inverse), share: 1 / rows.shape[0] };
  });
  const sums = parts.flatMap(({ sum, normalSum }) => [sum, normalSum]);
  const sumsInDx = call.shared ? sharedSums(sums, call.shared) : sums;
  const dx = parts.map(({ normal, factor, share }, k) => {
    if (call.given) return tf.mul(gradients[k]!, factor);
    const level = tf.sub(gradients[k]!, tf.mul(sumsInDx[2 * k]!, share));
    return tf.mul(tf.sub(level, tf.mul(normal, tf.mul(sumsInDx[2 * k + 1]!, share))), factor);
  });
  return {
    dx: joined(dx, call.x),
    dGamma: addAll(parts.map(({ normalSum }) => normalSum)),
    dBeta: addAll(parts.map(({ sum }) => sum)),
    ...(call.residual ? { dResidual: passed } : {}),
  };
}

/**
 * The means of these sums over all processes. Each process has equally many pixels of a part, so such a mean
 * divided by the pixels of one process is the sum over all divided by all pixels.
 */
function sharedSums(sums: readonly tf.Tensor1D[], { means }: SharedNorm): tf.Tensor1D[] {
  const all = means(Float64Array.from(sums.flatMap((sum) => [...sum.dataSync()])))();
  let at = 0;
  return sums.map(({ size }) => tf.tensor1d(Float32Array.from(all.subarray(at, at += size))));
}
