import * as tf from "@tensorflow/tfjs-core";
import { unitVectors } from "../../ops/unit.ts";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/**
 * D(a, b) = a . b / (|a| |b|), in [-1, 1]; 0 if one of them is the zero vector, without a gradient for it.
 * Symmetric. It says what it is the product of, so blocks of it are matrix products.
 */
export const cosine = definePlugin({
  kind: "similarity",
  name: "cosine",
  summary: "the cosine of the angle between two feature vectors",
  source: "Kang et al. 2020, Eq. 1",
  options: z.strictObject({}),
  plan: () => ({
    accepts: "real",
    symmetric: true,
    product: { unit: true, left: (a) => a, right: (b) => b },
    pairwise(a, b) {
      const left = unitVectors(a);
      return tf.matMul(left, a === b ? left : unitVectors(b), false, true);
    },
  }),
});
