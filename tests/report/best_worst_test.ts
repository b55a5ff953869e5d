import assert from "node:assert/strict";
import { bestAndWorst } from "../../report/best_worst.ts";

Deno.test("the best come highest first, the worst lowest first; without a score none is chosen", () => {
  const scores = [0.5, null, 0.9, 0.1, 0.9, 0.3];
  assert.deepEqual(bestAndWorst(scores, 2), { best: [2, 4], worst: [3, 5] });
  assert.deepEqual(bestAndWorst(scores, 1), { best: [2], worst: [3] });
});

Deno.test("no image is among both, however few there are", () => {
  assert.deepEqual(bestAndWorst([0.2, 0.4, 0.3], 3), { best: [1, 2], worst: [0] });
  assert.deepEqual(bestAndWorst([0.2], 3), { best: [0], worst: [] });
  assert.deepEqual(bestAndWorst([null], 3), { best: [], worst: [] });
  assert.deepEqual(bestAndWorst([0.1, 0.2], 0), { best: [], worst: [] });
});
