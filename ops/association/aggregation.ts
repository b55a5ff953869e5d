import * as tf from "@tensorflow/tfjs-core";
import { kernels } from "../kernels.ts";
import { denseAggregate } from "./dense_aggregation.ts";
import { deviceAggregate } from "./device/aggregation.ts";
import type { AggregationOptions } from "./options.ts";
import { streamedAggregate } from "./streaming/aggregation.ts";

/**
 * Spatial aggregation (Kang et al. 2020, Eq. 7-8): every pixel of an image is mixed with all pixels of the
 * same image, itself included:
 *
 *   y_i = (1 - alpha) x_i + alpha sum_j w_ij x_j,   w_i = softmax over j of z_ij
 *
 * where z is D(x, x), contrast-normalised by row if `contrast` is set. Gradients flow through the weights w
 * and through the values x. The P x P matrix is never held: memory grows with the pixels, except on a backend
 * whose kernels are `dense` (the recorder for exports).
 * @param x float32 [N, P, C], N at least 1; P = 0 gives an empty result
 * @returns float32 [N, P, C]. If every x_i is a distribution (sums to 1, nothing negative), so is every y_i.
 */
export function aggregate(x: tf.Tensor3D, options: AggregationOptions): tf.Tensor3D {
  // Some engines cannot cut images out of a batch without pixels.
  if (x.size === 0) return tf.clone(x);
  const { rows, deviceRows, dense } = kernels();
  if (dense) return denseAggregate(x, options);
  return deviceRows
    ? deviceAggregate(x, { ...options, kernels: deviceRows })
    : streamedAggregate(x, { ...options, kernels: rows });
}
