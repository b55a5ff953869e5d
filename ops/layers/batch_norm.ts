import * as tf from "@tensorflow/tfjs-core";
import { batchNorm as normalise } from "../batch_norm.ts";
import type { Layers } from "./scope.ts";

/** PyTorch's defaults. */
const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** How a network runs. */
export interface Pass {
  /** Images of each part of the batch whose statistics are used and folded into the running ones; absent: those are used. */
  readonly parts?: readonly number[];
  /** The same pass again, for its gradient: the running statistics have seen it. */
  readonly repeated?: boolean;
}

/** What follows the normalisation. */
export interface After {
  readonly relu?: boolean;
  readonly residual?: tf.Tensor4D;
}

/** A batch normalisation: float32 [N, H, W, C] to the same shape. */
export type BatchNorm = (x: tf.Tensor4D, pass: Pass, after?: After) => tf.Tensor4D;

/**
 * Makes one under `name`, with `weight`, `bias`, `running_mean` and `running_var`. While training it uses the
 * batch's statistics and folds them into the running ones (with the unbiased variance), as PyTorch does.
 */
export function batchNorm(layers: Layers, name: string, channels: number): BatchNorm {
  const gamma = layers.param(`${name}.weight`, tf.ones([channels])) as tf.Variable<tf.Rank.R1>;
  const beta = layers.param(`${name}.bias`, tf.zeros([channels])) as tf.Variable<tf.Rank.R1>;
  const mean = layers.buffer(`${name}.running_mean`, tf.zeros([channels])) as tf.Variable<tf.Rank.R1>;
  const variance = layers.buffer(`${name}.running_var`, tf.ones([channels])) as tf.Variable<tf.Rank.R1>;
  return (x, { parts, repeated }, after = {}) => {
    const affine = { gamma, beta };
    if (parts === undefined) {
      return normalise(x, affine, { ...after, epsilon: EPSILON, statistics: { mean, variance } });
    }
    if (repeated) return normalise(x, affine, { ...after, epsilon: EPSILON, parts });
    const pixels = x.shape[1] * x.shape[2];
    return normalise(x, affine, {
      ...after,
      epsilon: EPSILON,
      parts,
      record(batch, part) {
        const count = parts[part]! * pixels;
        fold(mean, batch.mean, 1);
        fold(variance, batch.variance, count / Math.max(1, count - 1));
      },
    });
  };
}

function fold(running: tf.Variable<tf.Rank.R1>, batch: tf.Tensor1D, factor: number): void {
  running.assign(tf.tidy(() => tf.add(tf.mul(running, 1 - MOMENTUM), tf.mul(batch, MOMENTUM * factor))));
}
