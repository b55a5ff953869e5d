/**
 * Batch normalisation composed of tfjs operators, part by part. Maps are seen as rows of pixels; sums over
 * pixels are products with a row of ones, which are faster than tfjs's sums. With n the normalised pixels and
 * g the gradient of the result (0 where the ReLU cut), the gradients of a part of m pixels are
 *
 *   dBeta = sum g,   dGamma = sum g n,   dx = gamma inverse (g - dBeta / m - n dGamma / m)
 *
 * The last two terms are the way through mean and variance; they are absent if the statistics were given.
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
  const begun = parts.map((rows) => {
    const own = call.given ?? statisticsOf(rows);
    return call.shared?.statistics(own) ?? (() => own);
  });
  const statistics = begun.map((result): BatchStatistics => result());
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
  const counted = call.y ? tf.mul(dy, tf.step(call.y)) as tf.Tensor4D : dy;
  const slopes = partsOf(counted, call.parts);
  const parts = partsOf(call.x, call.parts).map((rows, k) => {
    const { mean, variance } = call.statistics[k]!;
    const inverse = tf.rsqrt(tf.add(variance, call.epsilon));
    const normal = tf.mul(tf.sub(rows, mean), inverse);
    const sum = columnSums(slopes[k]!), normalSum = columnSums(tf.mul(slopes[k]!, normal));
    return { normal, sum, normalSum, factor: tf.mul(call.gamma, inverse), share: 1 / rows.shape[0] };
  });
  const sums = parts.flatMap(({ sum, normalSum }) => [sum, normalSum]);
  const whole = call.shared ? sharedSums(sums, call.shared) : sums;
  const dx = parts.map(({ normal, factor, share }, k) => {
    if (call.given) return tf.mul(slopes[k]!, factor);
    const level = tf.sub(slopes[k]!, tf.mul(whole[2 * k]!, share));
    return tf.mul(tf.sub(level, tf.mul(normal, tf.mul(whole[2 * k + 1]!, share))), factor);
  });
  return {
    dx: joined(dx, call.x),
    dGamma: addAll(parts.map(({ normalSum }) => normalSum)),
    dBeta: addAll(parts.map(({ sum }) => sum)),
    ...(call.residual ? { dResidual: counted } : {}),
  };
}

/** Their means over all processes. */
function sharedSums(sums: readonly tf.Tensor1D[], { means }: SharedNorm): tf.Tensor1D[] {
  const all = means(Float64Array.from(sums.flatMap((sum) => [...sum.dataSync()])))();
  let at = 0;
  return sums.map(({ size }) => tf.tensor1d(Float32Array.from(all.subarray(at, at += size))));
}
