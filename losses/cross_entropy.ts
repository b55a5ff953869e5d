import { crossEntropy as crossEntropyOf } from "../ops/cross_entropy.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

/**
 * The mean of -log softmax(z)[y] over the labelled source pixels (Kang et al. 2020, Eq. 11). The logits are
 * resized bilinearly to the labels first. If the stream has distributions (`soft`) they are used instead of
 * its labels, and if it has weights each pixel's term is multiplied by its weight, which does not change the
 * denominator. A batch without a label gives 0.
 */
export const crossEntropy = definePlugin({
  kind: "loss",
  name: "cross-entropy",
  summary: "cross-entropy on the labelled source pixels",
  source: "Kang et al. 2020, Eq. 11",
  options: z.strictObject({
    stream: z.string().default("source").describe("the labelled stream that is learned from"),
    denominator: z.enum(["valid", "all"]).default("valid").describe(
      "divide by the pixels that have a label, or by all, so that ignored ones count as learned",
    ),
    tap: tapOption,
  }),
  plan({ stream, denominator, tap }, at) {
    const choice = { stream, tap, resolution: "labels" } as const;
    return {
      needs: { views: [{ ...logitsNeed(choice, at), labels: true }] },
      create: () => ({
        compute(ctx) {
          const logits = readLogits(ctx.view(stream), choice);
          return { loss: crossEntropyOf(logits, ctx.images(stream), denominator, ctx.world) };
        },
      }),
    };
  },
});
