/** Keeping a step small. */
import * as tf from "@tensorflow/tfjs-core";
import type { Gradients } from "./pass.ts";

/**
 * Scales all gradients by min(1, limit / (norm + 1e-6)), norm being the Euclidean norm over all of them together
 * (Pascanu et al. 2013; the constant as in PyTorch). Belongs to the caller's tidy scope.
 */
export function clipGradients(gradients: Gradients, limit: number): Gradients {
  const present = gradients.filter((gradient) => gradient !== null);
  if (present.length === 0) return gradients;
  const norm = tf.sqrt(tf.addN(present.map((gradient) => tf.sum(tf.square(gradient)))));
  const factor = tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
  return gradients.map((gradient) => gradient && tf.mul(gradient, factor));
}
