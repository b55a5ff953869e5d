import * as tf from "@tensorflow/tfjs-core";
import { layerNorm } from "../layer_norm.ts";
import type { Layers } from "./scope.ts";

/** A layer normalisation over the last axis: float32 [..., C] to the same shape. */
export type LayerNorm = <T extends tf.Tensor>(x: T) => T;

/**
 * Makes a layer under `name` in the part `norm` of its group (so that a recipe can leave norms out of weight
 * decay), with `weight`, which begins at 1, and `bias`, at 0 (Ba et al. 2016).
 * @param epsilon added to the variance; networks differ in it and within themselves
 */
export function layerNormLayer(
  layers: Layers,
  [name, channels]: readonly [string, number],
  epsilon: number,
): LayerNorm {
  const scale = layers.param(`${name}.weight`, tf.ones([channels]), "norm") as tf.Variable<tf.Rank.R1>;
  const offset = layers.param(`${name}.bias`, tf.zeros([channels]), "norm") as tf.Variable<tf.Rank.R1>;
  return (x) => layerNorm(x, { scale, offset, epsilon });
}
