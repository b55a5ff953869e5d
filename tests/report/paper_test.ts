/** The paper's tables: their own means say whether a cell was lost or shifted. */
import assert from "node:assert/strict";
import { ablationGrid } from "../../report/ablation.ts";
import { PAPER_TABLES } from "../../report/paper.ts";
import { evaluationOf } from "./evaluations.ts";

const [GTAV, SYNTHIA] = PAPER_TABLES;
const METHODS = "Source Only,AdaptSeg,ADVENT,CLAN,DISE,SSF-DAN,PatchAlign,MaxSquare,CRST,PLCA".split(",")
  .toSorted();

/** Cells and means are rounded to a tenth, or cut. */
const ROUNDING = 0.1 + 1e-9;

for (const { classes, rows } of PAPER_TABLES) {
  const means = [
    ["mIoU", classes],
    ...classes.length === 16 ? [["mIoU*", classes.filter(isOfThirteen)]] : [],
  ];
  Deno.test(`${classes.length} classes: every method, and whole rows have the means that are printed`, () => {
    assert.deepEqual(rows.map(({ title }) => title.split(" (")[0]!).toSorted(), METHODS);
    const wrong: string[] = [];
    for (const { title, cells } of rows) {
      assert.equal(Object.keys(cells).length, classes.length + means.length);
      for (const [mean, names] of means as [string, string[]][]) {
        const printed = cells[mean]!, shares = names.map((name) => cells[name]!);
        if (![printed, ...shares].every((cell) => /^\d+\.\d$/.test(cell))) {
          wrong.push(
            `${title}: ${mean} ${printed} without ${names.filter((_, k) => !/\d/.test(shares[k]!))}`,
          );
          continue;
        }
        const computed = shares.reduce((sum, share) => sum + Number(share), 0) / shares.length;
        if (Math.abs(computed - Number(printed)) > ROUNDING) {
          wrong.push(`${title}: ${mean} ${printed}, of its cells ${computed.toFixed(2)}`);
        }
      }
    }
    assert.deepEqual(wrong, DAMAGED[classes.length]);
  });
}

const DAMAGED: Readonly<Record<number, readonly string[]>> = {
  19: ["PatchAlign (paper, AT): mIoU 46.5 without traffic light"],
  16: [
    ...["AdaptSeg", "CLAN", "SSF-DAN"].map((name) => `${name} (paper, AT): mIoU - without wall,fence,pole`),
    // So printed.
    "DISE (paper, AT): mIoU* 48.7, of its cells 48.82",
  ],
};

function isOfThirteen(name: string): boolean {
  return !["wall", "fence", "pole"].includes(name);
}

Deno.test("cells that were read in the paper", () => {
  const cell = (table: typeof GTAV, method: string, name: string) =>
    table!.rows.find(({ title }) => title.startsWith(method))!.cells[name];
  assert.equal(cell(GTAV, "Source Only", "terrain"), "13.1");
  assert.equal(cell(GTAV, "ADVENT", "train"), "1.7");
  assert.equal(cell(GTAV, "PatchAlign", "traffic sign"), "33.0");
  assert.equal(cell(GTAV, "CRST", "train"), "26.9");
  assert.equal(cell(GTAV, "PLCA", "rider"), "32.8");
  assert.equal(cell(SYNTHIA, "CRST", "traffic sign"), "31.2");
  assert.equal(cell(SYNTHIA, "DISE", "wall"), "2.5");
  assert.equal(cell(SYNTHIA, "PLCA", "bicycle"), "52.2");
});

Deno.test("an ablation beside Table 1", () => {
  const { classes } = SYNTHIA!;
  const evaluation = evaluationOf({ images: 500, classes, iou: classes.map(() => 0.5) });
  const variants = ["source-only", "without-aggregation", "mine"].map((name) => ({
    ...{ name, parts: ["cross-entropy"], evaluations: [evaluation] },
  }));
  const { head, rows, notes } = ablationGrid(variants, { paper: true });
  assert.deepEqual(head, ["", "cross-entropy", "seeds", "mIoU %", "paper %"]);
  assert.deepEqual(rows.map((row) => row.at(-1)), ["35.4", "44.6", "-"]);
  assert.equal(
    notes.at(-1),
    "paper: Kang et al. 2020, Table 1, SYNTHIA to Cityscapes, mean of 16 classes, counted at size original 2048x1024",
  );
  assert.ok(!ablationGrid(variants).head.includes("paper %"));
  const none = variants.map((variant) => ({ ...variant, evaluations: [{ ...evaluation, miou: null }] }));
  assert.deepEqual(ablationGrid(none).rows[0], ["source-only", "✓", "1", "-"]);
});
