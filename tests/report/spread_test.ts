import assert from "node:assert/strict";
import { ablationGrid } from "../../report/ablation.ts";
import { countedNotes, shortClass, spread, withSign } from "../../report/means.ts";
import { evaluationOf } from "./evaluations.ts";

Deno.test("spread: the mean and from two values on the sample deviation; what is null is left out", () => {
  assert.equal(spread([]), "-");
  assert.equal(spread([null, null]), "-");
  assert.equal(spread([0.3401]), "34.0");
  assert.equal(spread([null, 1]), "100.0");
  // Divided by n - 1: sqrt(0.02 / 1) and sqrt(0.02 / 2).
  assert.equal(spread([0.4, 0.6]), "50.0 ± 14.1");
  assert.equal(spread([0.4, null, 0.5, 0.6]), "50.0 ± 10.0");
  assert.equal(spread([0.5, 0.5]), "50.0 ± 0.0");
});

Deno.test("withSign: percent with its sign, a dash for null", () => {
  assert.deepEqual([withSign(0.4512), withSign(0), withSign(1), withSign(null)], [
    "45.1 %",
    "0.0 %",
    "100.0 %",
    "-",
  ]);
});

Deno.test("shortClass: the last word, at most six letters", () => {
  assert.deepEqual(["road", "traffic light", "fences", "terrain", ""].map(shortClass), [
    "road",
    "light",
    "fences",
    "terra.",
    "",
  ]);
});

Deno.test("countedNotes: one sentence when all were counted alike, else each with whose it is", () => {
  const [a, b] = [evaluationOf(), evaluationOf({ images: 500 })];
  const [ofA, ofB] = [2, 500].map((images) => `${images} images of val, pixels counted at size original 4x2`);
  assert.deepEqual(countedNotes([]), []);
  assert.deepEqual(countedNotes([{ name: "x", evaluations: [] }]), []);
  assert.deepEqual(countedNotes([{ name: "x", evaluations: [a, a] }, { name: "y", evaluations: [a] }]), [
    ofA,
  ]);
  assert.deepEqual(
    countedNotes([{ name: "x", evaluations: [a, b, a] }, { name: "y", evaluations: [b] }]),
    [`x: ${ofA}`, `x, y: ${ofB}`],
  );
});

Deno.test("ablationGrid: ticks in the order in which variants first have the parts, means over seeds", () => {
  const subsets = (miou: number | null) => [{ name: "mIoU*", classes: ["road"], miou }];
  const variants = [
    {
      name: "a",
      parts: ["ce"],
      evaluations: [0.4, 0.6].map((miou) => evaluationOf({ miou, subsets: subsets(miou) })),
    },
    { name: "b", parts: ["lovasz", "ce"], evaluations: [] },
    { name: "c", parts: [], evaluations: [evaluationOf({ miou: null, subsets: subsets(null) })] },
  ];
  assert.deepEqual(ablationGrid(variants), {
    head: ["", "ce", "lovasz", "seeds", "mIoU %", "mIoU* %"],
    rows: [
      ["a", "✓", "", "2", "50.0 ± 14.1", "50.0 ± 14.1"],
      ["b", "✓", "✓", "0", "-", "-"],
      ["c", "", "", "1", "-", "-"],
    ],
    notes: [
      "mIoU*: mean of 1 classes, without traffic light",
      "2 images of val, pixels counted at size original 4x2",
    ],
  });
  assert.deepEqual(ablationGrid(variants.slice(2)).head, ["", "seeds", "mIoU %", "mIoU* %"]);
  assert.deepEqual(ablationGrid([]), { head: ["", "seeds", "mIoU %"], rows: [], notes: [] });
});
