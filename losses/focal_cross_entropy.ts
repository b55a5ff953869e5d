import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { focalCrossEntropy as focalOf } from "../ops/focal_cross_entropy.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

/**
 * The mean over labelled pixels of -(1 - q)^gamma log q, where q is the probability of the label (Lin et al.
 * 2017): a pixel with q = 0.9 counts, at gamma 2, a hundredth of its cross-entropy. The logits are resized
 * bilinearly to the labels first. A batch without a label gives 0. With gamma 0 it is the cross-entropy.
 */
export const focalCrossEntropy = definePlugin({
  kind: "loss",
  name: "focal-cross-entropy",
  summary: "cross-entropy that counts labelled pixels less the better they are known",
  source: "Lin et al. 2017; as in Luo et al. 2019",
  options: z.strictObject({
    stream: z.string().default("source").describe("the labelled stream that is learned from"),
    tap: tapOption,
    gamma: z.number().min(0).default(2).describe("exponent of 1 - q"),
  }),
  plan({ stream, tap, gamma }, at) {
    const choice = { stream, tap, resolution: "labels" } as const;
    return {
      needs: { views: [{ ...logitsNeed(choice, at), labels: true }] },
      create: () => ({
        compute(ctx) {
          const view = ctx.view(stream);
          return { loss: focalOf(readLogits(view, choice), view.labels!, { gamma, world: ctx.world }) };
        },
      }),
    };
  },
});
