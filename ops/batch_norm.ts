import * as tf from "@tensorflow/tfjs-core";
import type { BatchStatistics } from "./kernel_types.ts";
import type { World } from "../core/world.ts";
import { kernels } from "./kernels.ts";
import { sharedNorm } from "./shared_norm.ts";

/** How {@linkcode batchNorm} works. */
export interface BatchNormOptions {
  /** Added to the variance. */
  readonly epsilon: number;
  /** Constants to normalise with; absent: the batch's own statistics, and gradients flow through them. */
  readonly statistics?: BatchStatistics;
  /** Images of each part of the batch that has statistics of its own; absent: the batch is one part. */
  readonly parts?: readonly number[];
  /** Receives each part's own statistics during the forward pass, in order, e.g. to update running ones. */
  readonly record?: (statistics: BatchStatistics, part: number) => void;
  /** Added before `relu`; like `x`. */
  readonly residual?: tf.Tensor4D;
  /** Keep the positive part. */
  readonly relu?: boolean;
  /** The processes that have equal parts of each part; statistics are those of all. Absent: this one has all. */
  readonly world?: World | undefined;
}

/**
 * y = gamma (x - mean) / sqrt(variance + epsilon) + beta + residual, then its positive part if asked: one operator, so
 * that nothing between is kept for the gradient.
 * @param x float32 [N, H, W, C] @param affine gamma and beta, float32 [C]
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
    if (!given) statistics.forEach((own, part) => record?.(own, part));
    const numbers = given
      ? [given.mean, given.variance]
      : statistics.flatMap((own) => [own.mean, own.variance]);
    save([x, gamma, ...numbers, ...(relu ? [y] : [])]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const kept = relu ? saved.slice(2, -1) : saved.slice(2);
        const own = parts.map((_, k) => {
          const [mean, variance] = (given ? kept : kept.slice(2 * k)) as [tf.Tensor1D, tf.Tensor1D];
          return { mean, variance };
        });
        const { dx, dGamma, dBeta, dResidual } = kernels().batchNormGradient(dy as tf.Tensor4D, {
          x: saved[0] as tf.Tensor4D,
          gamma: saved[1] as tf.Tensor1D,
          epsilon,
          parts,
          statistics: own,
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
