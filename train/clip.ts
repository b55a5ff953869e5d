/**
 * Gradient clipping: one outlier in a batch must not throw the weights far away.
 *
 * step.ts scales by it after the gradients are averaged over passes and processes; clipping earlier would
 * clip each part for itself.
 */
import * as tf from "@tensorflow/tfjs-core";
import { addAll } from "../ops/add_all.ts";
import type { Gradients } from "./gradients_of.ts";

/**
 * Scales all gradients by min(1, limit / (norm + 1e-6)), where norm is the Euclidean norm over all of them
 * together (Pascanu et al. 2013; the constant is that of PyTorch's `clip_grad_norm_`). The direction stays.
 * Nulls stay null; where all are null, nothing is done. Belongs to the caller's tidy scope.
 * @param limit the largest norm, above 0
 */
export function clipGradients(gradients: Gradients, limit: number): Gradients {
  if (gradients.every((gradient) => gradient === null)) return gradients;
  const factor = tf.minimum(1, tf.div(limit, tf.add(gradientNorm(gradients), 1e-6)));
  return gradients.map((gradient) => gradient && tf.mul(gradient, factor));
}

/**
 * The Euclidean norm over all gradients together; 0 when all are null. Belongs to the caller's tidy scope.
 */
export function gradientNorm(gradients: Gradients): tf.Scalar {
  const present = gradients.filter((gradient) => gradient !== null);
  if (present.length === 0) return tf.scalar(0);
  return tf.sqrt(addAll(present.map((gradient) => tf.sum(tf.square(gradient)))));
}
