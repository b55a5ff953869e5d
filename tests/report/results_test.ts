import assert from "node:assert/strict";
import { PAPER_TABLES } from "../../report/paper.ts";
import { resultsGrid } from "../../report/results.ts";
import { evaluationOf } from "./evaluations.ts";

const OPTIONS = { short: false, paper: false };

Deno.test("resultsGrid: a row for each result, with how it was counted below", () => {
  const subsets = [{ name: "mIoU*", classes: ["road"], miou: 0.625 }];
  const grid = resultsGrid([
    { title: "a", evaluation: evaluationOf({ subsets }) },
    { title: "b", evaluation: evaluationOf({ iou: [0, 1], miou: null, images: 1, inference: "flip" }) },
  ], OPTIONS);
  assert.deepEqual(grid, {
    head: ["IoU %", "road", "traffic light", "mIoU", "mIoU*"],
    rows: [["a", "50.0", "-", "50.0", "62.5"], ["b", "0.0", "100.0", "-", "-"]],
    notes: [
      "mIoU*: mean of 1 classes, without traffic light",
      "a: 2 images of val, pixels counted at size original 4x2",
      "b: 1 image of val, pixels counted at size original 4x2; flip",
    ],
  });
});

Deno.test("resultsGrid: no results give an empty grid, short names stand in the head only", () => {
  assert.deepEqual(resultsGrid([], { short: true, paper: true }), { head: [], rows: [], notes: [] });
  const grid = resultsGrid([{ title: "a", evaluation: evaluationOf() }], { short: true, paper: false });
  assert.deepEqual(grid.head, ["IoU %", "road", "light", "mIoU"]);
});

Deno.test("resultsGrid: the paper's rows stand below for its own classes alone, with a dash where it has no number", () => {
  const { classes, rows: printed } = PAPER_TABLES[1]!;
  const evaluation = evaluationOf({
    classes,
    iou: classes.map(() => 0.5),
    subsets: [{ name: "mIoU*", classes: [], miou: 0.5 }, { name: "mine", classes: [], miou: 0.5 }],
  });
  const grid = resultsGrid([{ title: "a", evaluation }], { short: false, paper: true });
  assert.equal(grid.rows.length, 1 + printed.length);
  for (const row of grid.rows) assert.equal(row.length, grid.head.length);
  assert.deepEqual(grid.rows.at(-1)!.slice(-3), ["46.8", "54.0", "-"]);
  assert.equal(grid.rows[2]![4], "-");
  const turned = { ...evaluation, classes: classes.toReversed() };
  assert.equal(
    resultsGrid([{ title: "a", evaluation: turned }], { short: false, paper: true }).rows.length,
    1,
  );
});
