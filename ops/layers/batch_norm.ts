/**
 * A network's batch normalisation with its running statistics, and `Pass`, which tells layers how the network
 * runs. The layer computes, it does not remember: in training it normalises with the batch's statistics and
 * reports how the running ones would change. Whoever runs the network decides whether the report is applied,
 * after the step (see together.ts). So a forward pass has no side effect: a teacher, a diagnostic or a block
 * that is computed twice leaves the network as it was.
 */
import * as tf from "@tensorflow/tfjs-core";
import { batchNorm as normalise } from "../batch_norm.ts";
import type { Random } from "../../core/random.ts";
import type { World } from "../../core/world.ts";
import type { Layers } from "./scope.ts";

/** PyTorch's defaults. */
const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** How a network runs this time: what is wanted of it, and what its layers use and draw. */
export interface Pass {
  /** The taps that will be read beside `logits`; a network may leave out all others. Absent: all. */
  readonly taps?: readonly string[] | undefined;
  /** The processes whose batches have their statistics together; absent: this one's alone. */
  readonly world?: World | undefined;
  /**
   * The images of each part of the batch, which has statistics of its own; absent: the running statistics are
   * used.
   */
  readonly parts?: readonly number[];
  /**
   * What layers draw from: a stream of numbers for each part of the batch, with the number of its images;
   * absent: nothing is drawn (evaluation).
   */
  readonly random?: { readonly images: readonly number[]; readonly streams: readonly Random[] };
  /**
   * For each part of the batch, the share of its patches that a transformer replaces by its mask token, drawn
   * from `random`; absent: none.
   */
  readonly hide?: readonly number[];
  /** Receives each change of a running statistic that a part of the batch causes. */
  readonly record?: (part: number, change: Change) => void;
}

/** A change of a running statistic: it becomes `keep` times itself plus `factor` times `batch`. */
export interface Change {
  readonly variable: tf.Variable;
  readonly keep: number;
  /** The batch's statistic; freed after the call, so what follows from it has to be computed in the call. */
  readonly batch: tf.Tensor;
  readonly factor: number;
}

/**
 * What follows the normalisation, in the same operator: `residual` is added, then the positive part is taken.
 */
export interface After {
  readonly relu?: boolean;
  readonly residual?: tf.Tensor4D;
}

/** A batch normalisation: float32 [N, H, W, C] to the same shape. */
export type BatchNorm = (x: tf.Tensor4D, pass: Pass, after?: After) => tf.Tensor4D;

/** How {@linkcode batchNorm} is made. */
export interface NormOptions {
  /** Whether weight and bias are trained; else they are buffers that stay as they are. Absent: yes. */
  readonly affine?: boolean | undefined;
}

/**
 * Makes a layer under `name`, with `weight`, `bias`, `running_mean` and `running_var` of `channels` numbers.
 * In training (`pass.parts` is there) it uses each part's statistics and records how they change the running
 * ones: momentum 0.1, with the unbiased variance, as PyTorch does. Else it uses the running ones. Epsilon is
 * 1e-5.
 */
export function batchNorm(
  layers: Layers,
  [name, channels]: readonly [string, number],
  { affine: trained = true }: NormOptions = {},
): BatchNorm {
  const make = (part: string, initial: tf.Tensor) =>
    (trained ? layers.param(part, initial, "norm") : layers.buffer(part, initial)) as tf.Variable<tf.Rank.R1>;
  const gamma = make(`${name}.weight`, tf.ones([channels]));
  const beta = make(`${name}.bias`, tf.zeros([channels]));
  const mean = layers.buffer(`${name}.running_mean`, tf.zeros([channels])) as tf.Variable<tf.Rank.R1>;
  const variance = layers.buffer(`${name}.running_var`, tf.ones([channels])) as tf.Variable<tf.Rank.R1>;
  return (x, { parts, record, world }, after = {}) => {
    const affine = { gamma, beta };
    if (parts === undefined) {
      return normalise(x, affine, { ...after, epsilon: EPSILON, statistics: { mean, variance } });
    }
    const pixels = x.shape[1] * x.shape[2];
    return normalise(x, affine, {
      ...after,
      epsilon: EPSILON,
      parts,
      world,
      record(batch, part) {
        const count = parts[part]! * pixels * (world?.size ?? 1);
        const change = (variable: tf.Variable, batch: tf.Tensor, unbiased: number) =>
          record?.(part, { variable, keep: 1 - MOMENTUM, batch, factor: MOMENTUM * unbiased });
        change(mean, batch.mean, 1);
        change(variance, batch.variance, count / Math.max(1, count - 1));
      },
    });
  };
}
