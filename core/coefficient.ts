/** Factors that may change over a phase. */

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

/** Shares of the way at p in [0, 1] of the time. */
const SHAPES: Readonly<Record<RampShape, (p: number) => number>> = {
  linear: (p: number) => p,
  // Ganin and Lempitsky 2015: 2 / (1 + exp(-10 p)) - 1, which ends at 0.9999.
  sigmoid: (p: number) => 2 / (1 + Math.exp(-10 * p)) - 1,
  // Laine and Aila 2017: exp(-5 (1 - p)^2), which begins at 0.0067.
  exponential: (p: number) => Math.exp(-5 * (1 - p) ** 2),
};

/** How a ramp goes from one value to the other. */
export type RampShape = "linear" | "sigmoid" | "exponential";

/** Every shape. */
export const RAMP_SHAPES = Object.keys(SHAPES) as [RampShape, ...RampShape[]];

/** The value at a step, counted from 0, of a phase of so many steps. */
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
