import type * as tf from "@tensorflow/tfjs-core";
import { kernels } from "../kernels.ts";
import { denseAggregate } from "./dense_aggregation.ts";
import { deviceAggregate } from "./device/aggregation.ts";
import type { AggregationOptions } from "./options.ts";
import { streamedAggregate } from "./streaming/aggregation.ts";

/**
 * Spatial aggregation (Kang et al. 2020, Eq. 7-8): every pixel is mixed with all pixels of its image, itself
 * included, x' = (1 - alpha) x + alpha softmax(D(x, x)) x. Gradients flow through weights and values. Memory
 * grows with the pixels.
 * @param x float32 [N, P, C] @returns float32 [N, P, C]; on a simplex the result stays on it
 */
export function aggregate(x: tf.Tensor3D, options: AggregationOptions): tf.Tensor3D {
  const { rows, deviceRows, dense } = kernels();
  if (dense) return denseAggregate(x, options);
  return deviceRows
    ? deviceAggregate(x, { ...options, kernels: deviceRows })
    : streamedAggregate(x, { ...options, kernels: rows });
}
