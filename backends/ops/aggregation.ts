import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { rowSoftmax } from "./contrast.ts";

/** How {@linkcode aggregate} mixes pixels. */
export interface AggregationOptions {
  readonly similarity: Similarity;
  /** Share of the aggregated value, in [0, 1]; 0 leaves `x` as it is. */
  readonly alpha: number;
  /** Contrast-normalise the similarities before the softmax. */
  readonly contrast: boolean;
}

/**
 * Spatial aggregation (Kang et al. 2020, Eq. 7-9): every pixel is mixed with all pixels of its image, itself
 * included, x' = (1 - alpha) x + alpha softmax(D(x, x)) x. Gradients flow through weights and values.
 * @param x float32 [N, P, C] @returns float32 [N, P, C]; on a simplex the result stays on it
 */
export function aggregate(x: tf.Tensor3D, { similarity, alpha, contrast }: AggregationOptions): tf.Tensor3D {
  const weights = rowSoftmax(similarity.pairwise(x, x), contrast);
  return tf.add(tf.mul(x, 1 - alpha), tf.mul(tf.matMul(weights, x), alpha)) as tf.Tensor3D;
}
