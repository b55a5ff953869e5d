import * as tf from "@tensorflow/tfjs-core";
import { adaptiveLabelSmoothing } from "../ops/label_smoothing.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/**
 * The adaptive label smoothing of source and target predictions at the features' resolution (Kang et al.
 * 2020, Eq. 13). The association compares predictions by their KL divergence, for which predictions of 0 and
 * 1 hold too little. A pixel that is surer than `lambda` is smoothed, one that is less sure is sharpened;
 * lambda = 10 corresponds to a largest probability of about 0.999 (section 4.2 of the paper).
 *
 * All pixels count, ignored ones too. The value is negative as long as pixels are less sure than lambda,
 * which is normal.
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
