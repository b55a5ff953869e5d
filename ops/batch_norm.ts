/**
 * Batch normalisation, with the addition of a residual branch and the ReLU that follow it in a ResNet, as one
 * operator. Composed of single operators, each of them would keep maps for the gradient. Here `x` is kept,
 * and `y` if there is a ReLU: where y is positive the gradient passes. The normalised maps are formed again
 * from `x`.
 *
 * A batch may consist of parts that have statistics of their own: source and target images that go through
 * the network together are normalised apart, as if they had been two batches.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { BatchStatistics } from "./kernel_types.ts";
import type { World } from "../core/world.ts";
import { kernels } from "./kernels.ts";
import { sharedNorm } from "./shared_norm.ts";

/** How {@linkcode batchNorm} works. */
export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Constants to normalise with; absent: the statistics of each part, and gradients flow through them. */
  readonly statistics?: BatchStatistics;
  /** How many images each part of the batch has; they add up to N. Absent: the batch is one part. */
  readonly parts?: readonly number[];
  /**
   * Receives the statistics of each part during the forward pass, in order, e.g. to update running ones. Not
   * called when `statistics` are given.
   */
  readonly record?: (statistics: BatchStatistics, part: number) => void;
  /** Of the shape of `x`, added before `relu`; gets a gradient. */
  readonly residual?: tf.Tensor4D;
  /** Keep the positive part. */
  readonly relu?: boolean;
  /**
   * The processes that have equal parts of each part; statistics are those of all. Absent: this one has all.
   */
  readonly world?: World | undefined;
}

/**
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta + residual, then max(y, 0) if `relu`. Mean and
 * variance are of each channel over the images and pixels of a part; the variance is biased (divided by the
 * count).
 * @param x float32 [N, H, W, C] @param affine gamma and beta, float32 [C]
 * @returns float32 [N, H, W, C]
 */
export function batchNorm(
  x: tf.Tensor4D,
  { gamma, beta }: { readonly gamma: tf.Tensor1D; readonly beta: tf.Tensor1D },
  options: BatchNormOptions,
): tf.Tensor4D {
  const { epsilon, statistics: given, residual, relu = false, record } = options;
  const shared = given ? undefined : sharedNorm(options.world);
  const parts = options.parts ?? [x.shape[0]];
  const op = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const { y, statistics } = kernels().batchNorm({
      x,
      gamma,
      beta,
      relu,
      epsilon,
      parts,
      ...(residual ? { residual } : {}),
      ...(given ? { given } : {}),
      shared,
    });
    if (!given) statistics.forEach((ofPart, part) => record?.(ofPart, part));
    const numbers = given
      ? [given.mean, given.variance]
      : statistics.flatMap((ofPart) => [ofPart.mean, ofPart.variance]);
    save([x, gamma, ...numbers, ...(relu ? [y] : [])]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const savedNumbers = relu ? saved.slice(2, -1) : saved.slice(2);
        const ofParts = parts.map((_, k) => {
          const [mean, variance] = (given ? savedNumbers : savedNumbers.slice(2 * k)) as [
            tf.Tensor1D,
            tf.Tensor1D,
          ];
          return { mean, variance };
        });
        const { dx, dGamma, dBeta, dResidual } = kernels().batchNormGradient(dy as tf.Tensor4D, {
          x: saved[0] as tf.Tensor4D,
          gamma: saved[1] as tf.Tensor1D,
          epsilon,
          parts,
          statistics: ofParts,
          given: given !== undefined,
          residual: residual !== undefined,
          shared,
          ...(relu ? { y: saved.at(-1) as tf.Tensor4D } : {}),
        });
        return [dx, dGamma, dBeta, ...(dResidual ? [dResidual] : [])];
      },
    };
  });
  return op(x, gamma, beta, ...(residual ? [residual] : [])) as tf.Tensor4D;
}
