/**
 * Factors that may change over a phase: the weight of a loss that fades in, say. A {@linkcode Coefficient} is
 * plain data, so a plan can show and compare it; {@linkcode coefficientAt} evaluates it.
 *
 * The recipe's `weight:` becomes one (config/recipe.ts), and every pass of a step evaluates it
 * (train/pass.ts). Resuming needs no state for it, since the value follows from the step alone.
 */

/** A constant, or a number that goes from one value to another and then stays. */
export type Coefficient = number | Ramp;

/** From `from` at step `start` to `to` at step `start + steps`; constant before and after. */
export interface Ramp {
  /** Until `start`. */
  readonly from: number;
  /** From `start + steps` on. */
  readonly to: number;
  /** Counts from 0. */
  readonly start: number;
  /** 0 switches from one value to the other at `start`. */
  readonly steps: number;
  /** How the way between is gone. */
  readonly shape: RampShape;
  /** `phase`: `start` and `steps` are lengths of the phase, as in 0.5. Absent: they are steps. */
  readonly unit?: "phase" | undefined;
}

/** Share of the way done, for the share p in [0, 1] of the time passed. */
const SHAPES: Readonly<Record<RampShape, (p: number) => number>> = {
  linear: (p: number) => p,
  // Ganin and Lempitsky 2015: 2 / (1 + exp(-10 p)) - 1, which ends at 0.9999.
  sigmoid: (p: number) => 2 / (1 + Math.exp(-10 * p)) - 1,
  // Laine and Aila 2017: exp(-5 (1 - p)^2), which begins at 0.0067.
  exponential: (p: number) => Math.exp(-5 * (1 - p) ** 2),
};

/**
 * How a ramp goes from one value to the other; the formulas stand at `SHAPES`. `sigmoid` reaches 0.9999 of
 * the way before it jumps to its end, `exponential` begins at 0.0067 of it.
 */
export type RampShape = "linear" | "sigmoid" | "exponential";

/** Every shape. */
export const RAMP_SHAPES = Object.keys(SHAPES) as [RampShape, ...RampShape[]];

/**
 * The value of a coefficient at a step.
 * @param coefficient a number, which is returned, or a ramp
 * @param at `step` counted from 0, `steps` the phase's length; only ramps in units of the phase need the
 *   latter
 */
export function coefficientAt(
  coefficient: Coefficient,
  { step, steps: whole }: { readonly step: number; readonly steps: number },
): number {
  if (typeof coefficient === "number") return coefficient;
  const { from, to, shape, unit } = coefficient;
  const [start, steps] = [coefficient.start, coefficient.steps].map((one) =>
    unit === "phase" ? one * whole : one
  ) as [number, number];
  if (step >= start + steps) return to;
  if (step < start) return from;
  return from + (to - from) * SHAPES[shape]((step - start) / steps);
}
