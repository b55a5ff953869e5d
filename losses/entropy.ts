import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * Direct entropy minimisation (Vu et al. 2019): the mean over target pixels of
 * -sum p log p / log K, in [0, 1], at the features' resolution.
 */
export const entropy = definePlugin({
  kind: "loss",
  name: "entropy",
  summary: "entropy minimisation on the target predictions (MinEnt)",
  source: "Vu et al. 2019",
  options: z.strictObject({}),
  plan: () => ({
    needs: { taps: [] },
    create: () => ({
      compute({ target }) {
        const logs = tf.logSoftmax(target!.logits);
        const perPixel = tf.sum(tf.mul(tf.exp(logs), logs), 3);
        return { loss: tf.div(tf.mean(perPixel), -Math.log(logs.shape[3]!)) as tf.Scalar };
      },
    }),
  }),
});
