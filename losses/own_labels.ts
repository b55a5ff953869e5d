import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { ownLabels as ownLabelsOf } from "../ops/own_labels.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

/**
 * Self-training within a step (Lian et al. 2019, PyCDA; pixels and squares of the pyramid): the cross-entropy
 * of what the network is sure of against the class that it holds for right, for pixels and for the mean
 * logits of squares of pixels. All cells that count go into one mean. Logits are resized to the images first.
 * No sure cell gives 0.
 */
export const ownLabels = definePlugin({
  kind: "loss",
  name: "own-labels",
  summary: "cross-entropy of sure pixels, or squares of pixels, against their own class",
  source: "Lian et al. 2019",
  options: z.strictObject({
    stream: z.string().default("target").describe("the stream whose predictions are sharpened"),
    tap: tapOption,
    sizes: z.array(z.int().min(1)).min(1).max(8).default([1]).describe(
      "sides of the squares in pixels, as in [4, 8]; 1: the pixels themselves",
    ),
    threshold: z.number().min(0).max(1).default(0.5).describe("cells above this probability count"),
  }),
  plan(given, at) {
    const choice = { ...given, resolution: "labels" } as const;
    return {
      needs: { views: [logitsNeed(choice, at)] },
      create: () => ({
        compute: (ctx) => ({
          loss: ownLabelsOf(readLogits(ctx.view(given.stream), choice), given, ctx.world),
        }),
      }),
    };
  },
});
