/**
 * How the learning rate changes over a phase: a factor on every optimiser's base rate. The trainer asks for it
 * at each step, with the step, counted from 0, and the number of steps of the phase; nothing else decides it.
 * (Options and messages say "run" for the phase.)
 */
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/** (1 - step / steps)^power; 0 where `step` has reached `steps`. @param steps above 0 */
export function polyMultiplier(step: number, steps: number, power: number): number {
  return Math.max(0, 1 - step / steps) ** power;
}

/**
 * The learning rate falls polynomially to zero, after a linear rise if there is a warm-up. With `horizon` 2
 * the curve is that of a run twice as long: this one ends in the middle of it, and its rate does not reach
 * zero.
 *
 * The warm-up is the first `warmup` of the run. Its factor rises from `warmup_from` to 1. With
 * `warmup_to: peak` that factor is the whole multiplier; at its end the multiplier falls from 1 to the curve,
 * which has fallen since step 0. With `curve` the factor is multiplied by the curve, and nothing jumps.
 */
export const poly = definePlugin({
  kind: "schedule",
  name: "poly",
  summary:
    "multiplies the learning rate by (1 - step / (horizon * steps))^power, after a warm-up if there is one",
  source: "Chen et al. 2017",
  options: z.strictObject({
    power: z.number().positive().default(0.9).describe("exponent; 1 is a straight line"),
    horizon: z.number().min(1).default(1).describe(
      "where the rate would reach zero, in lengths of the run: above 1 the run ends before",
    ),
    warmup: z.number().min(0).max(1).default(0).describe("share of the run in which the rate rises linearly"),
    warmup_from: z.number().min(0).max(1).default(0).describe("where the rise begins, as a share of its end"),
    warmup_to: z.enum(["peak", "curve"]).default("peak").describe(
      "peak: rises to the full rate and drops onto the curve from there; curve: the curve times the rise",
    ),
  }),
  plan: ({ power, horizon, warmup, warmup_from, warmup_to }) => ({
    multiplier(step, steps) {
      const curve = polyMultiplier(step, steps * horizon, power);
      const length = warmup * steps;
      if (step >= length) return curve;
      const rise = warmup_from + (1 - warmup_from) * step / length;
      return warmup_to === "peak" ? rise : rise * curve;
    },
  }),
});

/** The learning rate stays as it is. */
export const constant = definePlugin({
  kind: "schedule",
  name: "constant",
  summary: "leaves the learning rate as it is",
  options: z.strictObject({}),
  plan: () => ({ multiplier: () => 1 }),
});
