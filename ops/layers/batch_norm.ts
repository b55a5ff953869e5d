import * as tf from "@tensorflow/tfjs-core";
import { batchNorm as normalise } from "../batch_norm.ts";
import type { Random } from "../../core/random.ts";
import type { World } from "../../core/world.ts";
import type { Layers } from "./scope.ts";

/** PyTorch's defaults. */
const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** How a network runs. */
export interface Pass {
  /** The taps that are read beside `logits`; absent: all. */
  readonly taps?: readonly string[] | undefined;
  /** The processes that have equal parts of each part of the batch; absent: there are none. */
  readonly world?: World | undefined;
  /** The images of each part of the batch, which has statistics of its own; absent: the running statistics are used. */
  readonly parts?: readonly number[];
  /** What layers draw from, for each part of the batch by its images; absent: nothing is drawn. */
  readonly random?: { readonly images: readonly number[]; readonly streams: readonly Random[] };
  /** Share of its patches that each part of the batch does not show, drawn of `random`; absent: it shows all. */
  readonly hide?: readonly number[];
  /** Receives what each part changes of the running statistics. */
  readonly record?: (part: number, change: Change) => void;
}

/** A running statistic becomes `keep` times itself plus `factor` times the batch's. */
export interface Change {
  readonly variable: tf.Variable;
  readonly keep: number;
  /** Freed after the call. */
  readonly batch: tf.Tensor;
  readonly factor: number;
}

/** What follows the normalisation. */
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
 * Makes one under `name`, with `weight`, `bias`, `running_mean` and `running_var`. While training it uses the
 * batch's statistics and records how they change the running ones (with the unbiased variance), as PyTorch does.
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
