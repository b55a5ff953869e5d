import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";

/** (1 - step / steps)^power; 0 from the last step on. */
export function polyMultiplier(step: number, steps: number, power: number): number {
  return Math.max(0, 1 - step / steps) ** power;
}

/** The learning rate falls polynomially to zero. */
export const poly = definePlugin({
  kind: "schedule",
  name: "poly",
  summary: "multiplies the learning rate by (1 - step / (horizon * steps))^power",
  source: "Chen et al. 2017",
  options: z.strictObject({
    power: z.number().positive().default(0.9).describe("exponent; 1 is a straight line"),
    horizon: z.number().min(1).default(1).describe(
      "where the rate would reach zero, in lengths of the run: above 1 the run ends before",
    ),
  }),
  plan: ({ power, horizon }) => ({
    multiplier: (step, steps) => polyMultiplier(step, steps * horizon, power),
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
