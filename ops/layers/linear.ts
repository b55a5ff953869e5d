import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../linear.ts";
import type { Layers } from "./scope.ts";

/** Standard deviation of the weights at the start: that of BERT and of the vision transformers. */
const DEVIATION = 0.02;

/** How {@linkcode linearLayer} is made. */
export interface LinearOptions {
  /** Absent: it adds a bias, which begins at 0. */
  readonly bias?: boolean;
  /** Standard deviation of the weights at the start; absent: 0.02. */
  readonly deviation?: number;
}

/** A linear map of the last axis: float32 [..., input] to [..., output]. */
export type Linear = <T extends tf.Tensor>(x: T) => T;

/**
 * Makes a layer under `name`, with `weight` [output, input], as PyTorch keeps it, and `bias` [output]. Its
 * weights begin normal with deviation 0.02. The published code cuts the distribution off at 2, which is a
 * hundred deviations away and changes no number.
 */
export function linearLayer(
  layers: Layers,
  [name, input, output]: readonly [string, number, number],
  { bias: biased = true, deviation = DEVIATION }: LinearOptions = {},
): Linear {
  const weight = layers.normal(`${name}.weight`, [output, input], deviation) as tf.Variable<tf.Rank.R2>;
  const bias = biased
    ? layers.param(`${name}.bias`, tf.zeros([output])) as tf.Variable<tf.Rank.R1>
    : undefined;
  return (x) => linear(x, { weight, outputFirst: true, ...(bias ? { bias } : {}) });
}
