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
  assert.equal(step(1000), 1);
  assert.equal(step(3000), 0.5);
  for (let k = 0; k < 19; k++) step(500);
  assert.equal(step(500), 2);
});

Deno.test("a clock that stands still gives the rate 0", () => {
  const rate = stepRate(() => 3);
  rate.begin();
  assert.equal(rate.end(), 0);
});
