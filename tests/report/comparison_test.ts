import assert from "node:assert/strict";
import { type ComparedMethod, comparisonGrid, type MethodRun } from "../../report/comparison.ts";
import { PAPER_TABLES } from "../../report/paper.ts";
import { evaluationOf } from "./evaluations.ts";

const OPTIONS = { reference: "plca", paper: false, short: false };

const runOf = (more: Partial<MethodRun> = {}): MethodRun => ({
  evaluation: evaluationOf(),
  picks: {},
  ...more,
});

/** The cells of one method below their heads. */
function cellsOf(methods: readonly ComparedMethod[], row = 0, options = OPTIONS): Record<string, string> {
  const { head, rows } = comparisonGrid(methods, options);
  assert.equal(rows[row]!.length, head.length);
  return Object.fromEntries(head.map((name, k) => [name, rows[row]![k]!]));
}

Deno.test("comparisonGrid: means over seeds of every class, of the last weights and of the best validations", () => {
  const runs = [
    runOf({ evaluation: evaluationOf({ iou: [0.4, null], miou: 0.4 }), picks: { best: 0.5 } }),
    runOf({ evaluation: evaluationOf({ iou: [0.6, 0.2], miou: 0.44 }), picks: { best: 0.7, last: 0.1 } }),
    runOf({ evaluation: evaluationOf({ iou: [null, null], miou: null }) }),
  ];
  const cells = cellsOf([{ name: "plca", runs }]);
  assert.deepEqual([cells["road"], cells["traffic light"]], ["50.0", "20.0"]);
  assert.deepEqual([cells["mIoU %"], cells["best %"], cells["seeds"]], ["42.0 ± 2.8", "60.0", "3"]);
});

Deno.test("comparisonGrid: what is not known is a dash", () => {
  assert.deepEqual(cellsOf([{ name: "a", runs: [runOf()] }]), {
    "": "a",
    kind: "-",
    road: "50.0",
    "traffic light": "-",
    "mIoU %": "50.0",
    "best %": "-",
    seeds: "1",
    time: "-",
    memory: "-",
  });
});

Deno.test("comparisonGrid: title, kind and what is unofficial come from the recipe", () => {
  const method = { title: "Own", kind: "ST", unofficial: true };
  const methods = [
    { name: "own", method, runs: [runOf()] },
    { name: "other", method: { title: "Other", unofficial: false }, runs: [] },
  ];
  assert.deepEqual([cellsOf(methods)[""], cellsOf(methods)["kind"]], ["Own (unofficial)", "ST"]);
  assert.deepEqual([cellsOf(methods, 1)[""], cellsOf(methods, 1)["kind"]], ["Other", "-"]);
});

Deno.test("comparisonGrid: time and memory are medians as multiples of the reference's", () => {
  const costs = (...pairs: [number, number][]) =>
    pairs.map(([secondsPerStep, peakBytes]) => runOf({ secondsPerStep, peakBytes }));
  const methods = [
    { name: "a", runs: costs([9, 5e9], [1, 1e9], [3, 3e9]) },
    { name: "plca", runs: costs([2, 10e9], [1, 1e9]) },
    { name: "c", runs: [runOf({ secondsPerStep: 4 })] },
  ];
  const both = (row: number) => [cellsOf(methods, row)["time"], cellsOf(methods, row)["memory"]];
  assert.deepEqual(both(0), ["1.50", "0.30"]);
  assert.deepEqual(both(1), ["1.00", "1.00"]);
  assert.deepEqual(both(2), ["2.00", "-"]);
  assert.equal(cellsOf(methods, 0, { ...OPTIONS, reference: "none" })["time"], "-");
});

Deno.test("comparisonGrid: subsets have a column each, and a note of what they leave out", () => {
  const subsets = (miou: number) => [{ name: "mIoU*", classes: ["road"], miou }];
  const runs = [0.5, 0.7].map((miou) => runOf({ evaluation: evaluationOf({ subsets: subsets(miou) }) }));
  const grid = comparisonGrid([{ name: "plca", runs }, { name: "b", runs: [runOf()] }], OPTIONS);
  assert.deepEqual(grid.head.slice(4, 7), ["mIoU %", "mIoU* %", "best %"]);
  assert.deepEqual(grid.rows.map((row) => row[5]), ["60.0 ± 14.1", "-"]);
  assert.equal(grid.notes[0], "mIoU*: mean of 1 classes, without traffic light");
});

Deno.test("comparisonGrid: the notes say how pixels were counted, the reference, and what failed", () => {
  const { notes } = comparisonGrid([
    {
      name: "plca",
      method: { title: "PLCA", unofficial: false },
      runs: [runOf()],
      failures: ["seed 1: no memory", "seed 2: no disk"],
    },
    { name: "b", runs: [] },
  ], OPTIONS);
  assert.equal(notes[0], "2 images of val, pixels counted at size original 4x2");
  assert.match(notes[1]!, /, as multiples of PLCA$/);
  assert.deepEqual(notes.slice(2), ["plca: seed 1: no memory", "plca: seed 2: no disk"]);
  assert.match(comparisonGrid([], { ...OPTIONS, reference: "x" }).notes[0]!, /, as multiples of x$/);
});

Deno.test("comparisonGrid: no methods, or none that is done, give a grid without rows or classes", () => {
  assert.deepEqual(comparisonGrid([], OPTIONS).rows, []);
  const cells = cellsOf([{ name: "a", runs: [] }]);
  assert.deepEqual(Object.keys(cells), ["", "kind", "mIoU %", "best %", "seeds", "time", "memory"]);
  assert.deepEqual([cells["mIoU %"], cells["seeds"]], ["-", "0"]);
});

Deno.test("comparisonGrid: short names of classes only in the head", () => {
  const { head } = comparisonGrid([{ name: "a", runs: [runOf()] }], { ...OPTIONS, short: true });
  assert.deepEqual(head.slice(2, 4), ["road", "light"]);
});

Deno.test("comparisonGrid: the paper's columns are of the row that the recipe names, and of no other", () => {
  const { classes } = PAPER_TABLES[0]!;
  const evaluation = evaluationOf({ classes, iou: classes.map(() => 0.5) });
  const method = (title: string, paper?: string) => ({
    name: title,
    method: { title, unofficial: false, paper },
    runs: [],
  });
  const methods = [
    { ...method("MaxSquare+IW+Multi", "MaxSquare"), runs: [runOf({ evaluation })] },
    { ...method("CRST (MRKLD)", "CRST") },
    { ...method("MaxSquare") },
    { ...method("Mine", "Max") },
    { name: "PLCA", runs: [] },
  ];
  const { head, rows, notes } = comparisonGrid(methods, { ...OPTIONS, paper: true });
  assert.deepEqual(head.slice(-2), ["memory", "paper %"]);
  assert.deepEqual(rows.map((row) => row.at(-1)), ["46.4", "47.1", "-", "-", "-"]);
  assert.match(notes.at(-1)!, /^PatchAlign/);
  const others = comparisonGrid([{ name: "a", runs: [runOf()] }], { ...OPTIONS, paper: true });
  assert.ok(!others.head.includes("paper %"));
});

Deno.test("comparisonGrid: over 16 classes the paper's mean of 13 stands beside that of all", () => {
  const { classes } = PAPER_TABLES[1]!;
  const subsets = [{ name: "mIoU*", classes: classes.slice(1), miou: 0.5 }];
  const evaluation = evaluationOf({ classes, iou: classes.map(() => 0.5), subsets });
  const methods = ["CLAN", "DISE", "SSF-DAN"].map((paper) => ({
    name: paper,
    method: { title: "any", unofficial: false, paper },
    runs: [runOf({ evaluation })],
  }));
  const { head, rows } = comparisonGrid(methods, { ...OPTIONS, paper: true });
  assert.deepEqual(head.slice(-2), ["paper %", "paper mIoU* %"]);
  assert.deepEqual(rows.map((row) => row.slice(-2)), [["-", "47.8"], ["41.5", "48.7"], ["-", "50.0"]]);
  assert.ok(rows.every((row) => row.length === head.length));
});
