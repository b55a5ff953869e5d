import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/** Added to a probability before its logarithm. */
const EPSILON = 1e-10;

/** D(a, b) = -KL(a || b) = sum a log(b + 1e-10) - sum a log(a + 1e-10), at most 0. */
export const negativeKl = definePlugin({
  kind: "similarity",
  name: "negative-kl",
  summary: "minus the Kullback-Leibler divergence between two distributions over classes",
  source: "Kang et al. 2020, Eq. 5; a plain softmax in the aggregation, as the published code has it",
  options: z.strictObject({}),
  plan: () => ({
    accepts: "simplex",
    symmetric: false,
    contrastAggregation: false,
    pairwise(a, b) {
      const logA = tf.log(tf.add(a, EPSILON));
      const logB = a === b ? logA : tf.log(tf.add(b, EPSILON));
      const negativeEntropy = tf.sum(tf.mul(a, logA), 2, true);
      return tf.sub(tf.matMul(a, logB as tf.Tensor3D, false, true), negativeEntropy) as tf.Tensor3D;
    },
  }),
});
