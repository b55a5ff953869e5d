import * as tf from "@tensorflow/tfjs-core";
import { adaptiveLabelSmoothing } from "../ops/label_smoothing.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * Kang et al. 2020, Eq. 13: the adaptive label smoothing of source and target predictions at the features'
 * resolution. All pixels count, ignored ones too; the value is normally negative.
 */
export const labelSmoothing = definePlugin({
  kind: "loss",
  name: "label-smoothing",
  summary: "adaptive label smoothing: keeps predictions on both domains from becoming over-confident",
  source: "Kang et al. 2020, Eq. 13",
  options: z.strictObject({
    lambda: z.number().positive().default(10)
      .describe("the mean uncertainty at which a pixel is neither smoothed nor sharpened"),
  }),
  plan: ({ lambda }) => ({
    needs: { taps: [] },
    create: () => ({
      compute: ({ source, target }) => ({
        loss: tf.add(
          adaptiveLabelSmoothing(source.logits, lambda),
          adaptiveLabelSmoothing(target!.logits, lambda),
        ),
      }),
    }),
  }),
});
