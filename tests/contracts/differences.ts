/** Gradients held against finite differences of values that are computed in float32. */
import assert from "node:assert/strict";
import { Random } from "../../core/random.ts";

/** The longest step along a direction of standard normal numbers, with values of the size of 1. */
const LONGEST = 0.064;
const SHORTEST = 5e-4;

/** The share by which estimates over steps h, 2h and 4h may differ. */
const STRAIGHT = 0.01;

/** So many straight directions must agree, found among at most so many. */
const DIRECTIONS = 3;
const MOST_DIRECTIONS = 30;

/**
 * Of the gradient's norm, which is the standard deviation of the slope along a standard normal direction. Estimates
 * that are straight to 1% are combined, which makes of the 1% at most 2%; a wrong sign or factor gives much more.
 */
const TOLERANCE = 0.03;

/** A point and what is said of it. */
export interface Claim {
  readonly at: Float32Array;
  /** Null where the function does not depend on the point. */
  readonly gradient: ArrayLike<number> | null;
  readonly f: (x: Float32Array) => number;
}

/** Fails unless the gradient gives the slopes of `f` along random directions. */
export function checkGradient(what: string, { at, gradient, f }: Claim): void {
  const norm = gradient ? Math.sqrt(dot(gradient, gradient)) : 0;
  let agreed = 0;
  for (let seed = 0; agreed < DIRECTIONS; seed++) {
    assert.ok(seed < MOST_DIRECTIONS, `${what}: no straight direction`);
    const direction = normals(at.length, seed, `direction ${what}`);
    const measured = slope((t) => f(at.map((old, k) => old + t * direction[k]!)));
    if (measured === undefined) continue;
    const expected = gradient ? dot(gradient, direction) : 0;
    assert.ok(
      Math.abs(measured - expected) <= TOLERANCE * Math.max(norm, Math.abs(measured)),
      `${what}: ${expected} by gradient, ${measured} by differences`,
    );
    agreed++;
  }
}

/**
 * The slope of `f` at 0 by central differences. Steps are halved until three estimates in a row agree; the last two
 * are combined so that only the fifth derivative remains. Rounding leaves about 1e-7 |f| / step, so long steps are
 * tried first.
 * @returns undefined where the function jumps or bends however short the step is, as a maximum does when another
 * element takes over
 */
function slope(f: (t: number) => number): number | undefined {
  const estimates: number[] = [];
  for (let step = LONGEST; step >= SHORTEST; step /= 2) {
    estimates.push((f(step) - f(-step)) / (2 * step));
    const [wide, two, one] = estimates.slice(-3);
    if (one === undefined || two === undefined || wide === undefined) continue;
    const spread = Math.max(Math.abs(one - two), Math.abs(one - wide));
    if (spread <= STRAIGHT * Math.abs(one)) return (4 * one - two) / 3;
  }
  return undefined;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}

/** Standard normal numbers that follow from the seed and the name. */
export function normals(count: number, seed: number, name: string): Float32Array {
  const random = Random.stream(seed, name);
  return Float32Array.from({ length: count }, () => random.normal());
}
