import assert from "node:assert/strict";
import { type Coefficient, coefficientAt, RAMP_SHAPES } from "../../core/coefficient.ts";

const ramp = { from: 2, to: 6, start: 10, steps: 8, shape: "linear" } as const;

/** The values at some steps. */
function at(coefficient: Coefficient, steps: readonly number[]): number[] {
  return steps.map((step) => coefficientAt(coefficient, { step, steps: 1000 }));
}

Deno.test("a number is the same at every step", () => {
  assert.deepEqual(at(0.75, [0, 1, 1e6]), [0.75, 0.75, 0.75]);
});

Deno.test("a linear ramp is constant before and after", () => {
  assert.deepEqual(at(ramp, [0, 9, 10, 12, 14, 17, 18, 19, 1e6]), [2, 2, 2, 3, 4, 5.5, 6, 6, 6]);
  assert.deepEqual(at({ ...ramp, from: 1, to: 0, start: 0, steps: 4 }, [0, 1, 3, 4, 5]), [
    1,
    0.75,
    0.25,
    0,
    0,
  ]);
});

Deno.test("of the unit phase, start and steps are shares of the phase", () => {
  const damping = { from: 1, to: 0, start: 0, steps: 1, shape: "linear", unit: "phase" } as const;
  const late = { ...ramp, start: 0.5, steps: 0.25, unit: "phase" } as const;
  assert.deepEqual(at(damping, [0, 250, 1000]), [1, 0.75, 0]);
  assert.deepEqual(at(late, [499, 500, 625, 750, 999]), [2, 2, 4, 6, 6]);
});

Deno.test("no steps switch from one value to the other", () => {
  for (const shape of RAMP_SHAPES) assert.deepEqual(at({ ...ramp, steps: 0, shape }, [9, 10, 11]), [2, 6, 6]);
});

Deno.test("sigmoid begins at from and ends just below to; exponential begins just above from", () => {
  const share = (shape: "sigmoid" | "exponential", step: number) =>
    coefficientAt({ from: 0, to: 1, start: 0, steps: 100, shape }, { step, steps: 1000 });
  assert.equal(share("sigmoid", 0), 0);
  assert.ok(Math.abs(share("sigmoid", 10) - Math.tanh(0.5)) < 1e-12);
  assert.ok(Math.abs(share("exponential", 0) - Math.exp(-5)) < 1e-12);
  assert.ok(Math.abs(share("exponential", 50) - Math.exp(-1.25)) < 1e-12);
  for (const shape of RAMP_SHAPES) {
    const values = at(
      { from: 0, to: 1, start: 0, steps: 100, shape },
      Array.from({ length: 101 }, (_, k) => k),
    );
    assert.ok(values.every((value, k) => k === 0 || value > values[k - 1]!), `${shape} rises`);
    assert.equal(values[100], 1);
  }
});
