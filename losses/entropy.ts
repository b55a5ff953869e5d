import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { normalisedEntropy } from "../ops/entropy.ts";

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
      compute: ({ target }) => ({ loss: normalisedEntropy(target!.logits) }),
    }),
  }),
});
