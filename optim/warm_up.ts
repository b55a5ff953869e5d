import { definePlugin } from "../core/plugin.ts";
import { pluginChoice } from "../core/plugin_choice.ts";
import { z } from "../core/schema.ts";

/**
 * Any schedule after a rise (Goyal et al. 2017): while step < share * steps its multiplier is multiplied with a
 * straight line from `from` to 1 (`curve`), or replaced by that line (`peak`). After a rise to the peak the rate
 * goes on where the other schedule is by then, which may be lower.
 */
export const warmUp = definePlugin({
  kind: "schedule",
  name: "warm-up",
  summary: "lets the learning rate rise along a straight line before another schedule, or while it begins",
  source: "Goyal et al. 2017; mmcv's linear warm-up",
  options: z.strictObject({
    share: z.number().min(0).max(1).describe(
      "of the run in which the rate rises, as in 0.0375 for 1,500 of 40,000 steps",
    ),
    from: z.number().min(0).max(1).default(0).describe("where the rise begins, as a share of its end"),
    to: z.enum(["curve", "peak"]).default("curve").describe(
      "curve: the other schedule's multiplier times the rise; peak: the rise alone, to the full rate",
    ),
    then: pluginChoice("schedule").default("poly").describe(
      "the other schedule, which counts from the run's first step",
    ),
  }),
  plan({ share, from, to, then }, at, registry) {
    const after = registry.plan("schedule", then, [...at, "then"]);
    return {
      multiplier(step, steps) {
        const length = share * steps;
        if (step >= length) return after.multiplier(step, steps);
        const rise = from + (1 - from) * step / length;
        return to === "peak" ? rise : rise * after.multiplier(step, steps);
      },
    };
  },
});
