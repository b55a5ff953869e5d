import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { normalisedEntropy } from "../ops/entropy.ts";
import { logitsNeed, readLogits, resolutionOption, tapOption } from "./read_logits.ts";

/**
 * Direct entropy minimisation (Vu et al. 2019): the mean over target pixels of -sum p log p / log K, in [0,
 * 1], at the features' or (as published) the labels' resolution. For two classes the slope in the probability
 * p is log((1 - p) / p), steepest for the surest pixels: easy pixels dominate, which `maximum-squares`
 * weakens.
 */
export const entropy = definePlugin({
  kind: "loss",
  name: "entropy",
  summary: "entropy minimisation on the target predictions (MinEnt)",
  source: "Vu et al. 2019",
  options: z.strictObject({
    stream: z.string().default("target").describe("the stream whose predictions are sharpened"),
    tap: tapOption,
    resolution: resolutionOption,
  }),
  plan: (choice, at) => ({
    needs: { views: [logitsNeed(choice, at)] },
    create: () => ({
      compute: (ctx) => ({ loss: normalisedEntropy(readLogits(ctx.view(choice.stream), choice)) }),
    }),
  }),
});
