import assert from "node:assert/strict";
import { stepRate } from "../../train/rate.ts";

Deno.test("the rate is that of the last 20 steps, pauses between them left out", () => {
  let clock = 0;
  const rate = stepRate(() => clock);
  const step = (milliseconds: number) => {
    rate.begin();
    clock += milliseconds;
    const found = rate.end();
    clock += 5000;
    return found;
  };
  // The first compiles: it counts only while it is alone.
  assert.equal(step(1000), 1);
  assert.equal(step(4000), 0.25);
  assert.equal(step(1000), 0.4);
  for (let k = 0; k < 19; k++) step(500);
  assert.equal(step(500), 2);
});

Deno.test("what is left out of a step does not count", () => {
  let clock = 0;
  const rate = stepRate(() => clock);
  rate.begin();
  clock += 1500;
  assert.equal(rate.end(1000), 2);
});

Deno.test("a clock that stands still gives the rate 0", () => {
  const rate = stepRate(() => 3);
  rate.begin();
  assert.equal(rate.end(), 0);
});
