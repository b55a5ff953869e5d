import assert from "node:assert/strict";
import { snapshotGrid, snapshotPicks } from "../../report/snapshots.ts";

const VALIDATIONS = [
  { miou: 0.2, labelFree: { entropy: 0.5, mutualInformation: 0.1 } },
  { miou: 0.4, labelFree: { entropy: 0.3, mutualInformation: 0.2 } },
  { miou: 0.3, labelFree: { entropy: 0.1, mutualInformation: 0.2 } },
  { miou: null, labelFree: { entropy: 0, mutualInformation: 1 } },
];

Deno.test("each measure takes its best validation, the first of equal ones, and none without an mIoU", () => {
  assert.deepEqual(snapshotPicks(VALIDATIONS), {
    last: 0.3,
    best: 0.4,
    entropy: 0.3,
    mutualInformation: 0.4,
    neighbourhoodDensity: undefined,
    consistentCycles: undefined,
  });
});

Deno.test("the grid shows the measures that chose, as means over runs", () => {
  const picks = [snapshotPicks(VALIDATIONS), snapshotPicks(VALIDATIONS.slice(0, 1))];
  const grid = snapshotGrid([{ title: "a", picks }, { title: "b", picks: [] }])!;
  assert.deepEqual(grid.head, ["snapshot by", "last", "labels", "mean entropy", "mutual information"]);
  assert.deepEqual(grid.rows, [["a", "25.0", "30.0", "25.0", "30.0"], ["b", "-", "-", "-", "-"]]);
  assert.equal(snapshotGrid([{ title: "b", picks: [snapshotPicks([{ miou: 0.5 }])] }]), undefined);
});
