import { crossEntropy as crossEntropyOf } from "../ops/cross_entropy.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

/**
 * Kang et al. 2020, Eq. 11: the mean of -log softmax(z)[y] over the labelled source pixels. The logits are resized
 * bilinearly to the labels first. A batch without a label gives 0.
 */
export const crossEntropy = definePlugin({
  kind: "loss",
  name: "cross-entropy",
  summary: "cross-entropy on the labelled source pixels",
  source: "Kang et al. 2020, Eq. 11",
  options: z.strictObject({
    stream: z.string().default("source").describe("the labelled stream that is learned from"),
    tap: tapOption,
  }),
  plan({ stream, tap }, at) {
    const choice = { stream, tap, resolution: "labels" } as const;
    return {
      needs: { views: [{ ...logitsNeed(choice, at), labels: true }] },
      create: () => ({
        compute(ctx) {
          const view = ctx.view(stream);
          return { loss: crossEntropyOf(readLogits(view, choice), view.labels!) };
        },
      }),
    };
  },
});
