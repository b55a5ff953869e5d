/** Keeping a step small. */
import * as tf from "@tensorflow/tfjs-core";
import { addAll } from "../ops/add_all.ts";
import type { Gradients } from "./pass.ts";

/**
 * Scales all gradients by min(1, limit / (norm + 1e-6)), norm being the Euclidean norm over all of them together
 * (Pascanu et al. 2013; the constant as in PyTorch). Belongs to the caller's tidy scope.
 */
export function clipGradients(gradients: Gradients, limit: number): Gradients {
  if (gradients.every((gradient) => gradient === null)) return gradients;
  const factor = tf.minimum(1, tf.div(limit, tf.add(gradientNorm(gradients), 1e-6)));
  return gradients.map((gradient) => gradient && tf.mul(gradient, factor));
}

/** The Euclidean norm over all of them together; 0 when there are none. Belongs to the caller's tidy scope. */
export function gradientNorm(gradients: Gradients): tf.Scalar {
  const present = gradients.filter((gradient) => gradient !== null);
  if (present.length === 0) return tf.scalar(0);
  return tf.sqrt(addAll(present.map((gradient) => tf.sum(tf.square(gradient)))));
}
