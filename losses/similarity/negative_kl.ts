import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/** Added to a probability before its logarithm, so that a probability of 0 gives no infinity. */
const EPSILON = 1e-10;

/**
 * D(a, b) = -KL(a || b) = sum a log(b + 1e-10) - sum a log(a + 1e-10), at most 0 up to rounding (Kang et al.
 * 2020, Eq. 9). Not symmetric: the one that is compared, `a`, weighs the classes. As a product: left a, right
 * log b, with the entropy of a as the offset of each row.
 */
export const negativeKl = definePlugin({
  kind: "similarity",
  name: "negative-kl",
  summary: "minus the Kullback-Leibler divergence between two distributions over classes",
  source: "Kang et al. 2020, Eq. 9; a plain softmax in the aggregation, as the published code has it",
  options: z.strictObject({}),
  plan: () => ({
    accepts: "simplex",
    symmetric: false,
    product: { unit: false, left: (a) => a, right: logarithm, offset: entropy },
    pairwise(a, b) {
      return tf.add(tf.matMul(a, logarithm(b), false, true), entropy(a)) as tf.Tensor3D;
    },
  }),
});

function logarithm(p: tf.Tensor3D): tf.Tensor3D {
  return tf.log(tf.add(p, EPSILON)) as tf.Tensor3D;
}

/** -sum p log p, [N, P, C] to [N, P, 1] */
function entropy(p: tf.Tensor3D): tf.Tensor3D {
  return tf.neg(tf.sum(tf.mul(p, logarithm(p)), 2, true));
}
