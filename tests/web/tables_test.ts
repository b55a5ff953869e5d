/** The tables of reports, drawn without a browser. */
import assert from "node:assert/strict";
import { h } from "preact";
import type { ReportPhase } from "../../report/report_data.ts";
import { ClassMark, inkOn } from "../../web/class_mark.tsx";
import { Confusion } from "../../web/confusion.tsx";
import { Delta, DeltaTable } from "../../web/delta_table.tsx";
import type { Lane } from "../../web/report/lanes.ts";
import { measured, Results } from "../../web/report/results.tsx";
import { Name } from "../../web/text.tsx";
import { evaluationOf } from "../report/evaluations.ts";
import { SmallElement, withDrawn } from "./small_dom.ts";

/** The texts of all cells, row by row. */
const rowsOf = (root: SmallElement) =>
  root.all("tr").map((row) => row.childNodes.map((cell) => cell.textContent));

/** What readers of a screen are told of the part that scrolls, and whether keys reach it. */
function regionOf(root: SmallElement): (string | undefined)[] {
  const { attributes } = root.all("div").find(({ attributes }) => attributes["class"] === "scroll")!;
  return [attributes["role"], attributes["aria-label"], attributes["tabIndex"]];
}

const COLUMNS = [
  { title: "source-only", values: [0.34, null, 0.5] },
  { title: "adapted", values: [0.356, 0.2, 0.4996] },
  { title: "other", values: [0.3, null, null] },
];
const ROWS = [{ name: "road" }, { name: "sky\u202e" }, { name: "mIoU", strong: true }];

Deno.test("DeltaTable: shares in percent, and differences in points from the first column", () =>
  withDrawn(h(DeltaTable, { caption: "IoU", rows: ROWS, columns: COLUMNS }), (root) => {
    assert.deepEqual(rowsOf(root), [
      ["", "source-only", "adapted", "other"],
      ["road", "34.0", "35.6", "+1.6", "30.0", "−4.0"],
      ["sky[U+202E]", "–", "20.0", "–", "–", "–"],
      ["mIoU", "50.0", "50.0", "0.0", "–", "–"],
    ]);
    assert.equal(root.all("caption")[0]!.textContent, "IoU");
    assert.deepEqual(regionOf(root), ["region", "IoU", "0"]);
    assert.deepEqual(root.all("th").map(({ attributes }) => attributes["scope"]), [
      ...["col", "col", "col"],
      ...["row", "row", "row"],
    ]);
    assert.deepEqual(root.all("tr").map(({ attributes }) => attributes["class"]), [
      undefined,
      "",
      "",
      "strong",
    ]);
    assert.deepEqual(root.all("th").slice(0, 3).map(({ attributes }) => attributes["colSpan"]), [
      "1",
      "2",
      "2",
    ]);
    const bars = root.all("span").filter(({ attributes }) => attributes["class"] === "bar");
    assert.deepEqual(bars.slice(0, 4).map(({ attributes }) => attributes["style --share"]), [
      "0.34",
      "0.356",
      "0.3",
      "0",
    ]);
  }));

Deno.test("DeltaTable: against another column; one that is not there is the first", async () => {
  const second = (against: number) =>
    withDrawn(h(DeltaTable, { caption: "", rows: ROWS, columns: COLUMNS, against }), (root) => {
      const [, road] = rowsOf(root);
      assert.deepEqual(
        road,
        against === 1
          ? ["road", "34.0", "−1.6", "35.6", "30.0", "−5.6"]
          : ["road", "34.0", "35.6", "+1.6", "30.0", "−4.0"],
      );
    });
  await second(1);
  await second(9);
});

Deno.test("DeltaTable: nothing without rows or columns", async () => {
  for (const [rows, columns] of [[[], COLUMNS], [ROWS, []]] as const) {
    await withDrawn(
      h(DeltaTable, { caption: "", rows, columns }),
      (root) => assert.deepEqual(root.childNodes, []),
    );
  }
});

Deno.test("Delta: better, worse or neither, by what is shown", async () => {
  const shown = async (from: number | null, to: number | null) => {
    let kind = "";
    await withDrawn(h(Delta, { from, to }), (root) => {
      const [span] = root.all("span");
      kind = `${span!.attributes["class"]} ${span!.textContent}`;
    });
    return kind;
  };
  assert.equal(await shown(0.3, 0.4), "up +10.0");
  assert.equal(await shown(0.4, 0.3), "down −10.0");
  assert.equal(await shown(0.3, 0.2999), "same 0.0");
  assert.equal(await shown(0.3, 0.3001), "same 0.0");
  assert.equal(await shown(null, 0.3), "same –");
});

Deno.test("Name: isolated from the direction around it, what is unseen written out", () =>
  withDrawn(h(Name, { children: "a\u202e<b>" }), (root) => {
    assert.deepEqual(root.all("bdi").map(({ textContent }) => textContent), ["a[U+202E]<b>"]);
  }));

const CONFUSION = {
  title: "Confusion",
  classes: ["road", "sky", "pole"],
  counts: [[1990, 8, 2], [50, 150, 0], [0, 0, 0]],
};

Deno.test("Confusion: each row in percent of its own pixels; a row without pixels stays empty", () =>
  withDrawn(h(Confusion, CONFUSION), (root) => {
    assert.deepEqual(rowsOf(root), [
      ["label ↓ prediction →", "road", "sky", "pole"],
      ["road", "100", "·", "·"],
      ["sky", "25", "75", "·"],
      ["pole", "", "", ""],
    ]);
    assert.deepEqual(regionOf(root), ["region", "Confusion", "0"]);
    assert.equal(root.all("figcaption")[0]!.textContent, "Confusion");
    const cells = root.all("td").slice(1);
    assert.deepEqual(cells.slice(0, 3).map(({ attributes }) => attributes["aria-label"]), [
      "road taken for road: 99.5 %",
      "road taken for sky: 0.4 %",
      "road taken for pole: 0.1 %",
    ]);
    assert.equal(cells[6]!.attributes["aria-label"], "pole taken for road: – %");
    assert.deepEqual(cells.map(({ attributes }) => attributes["class"]), [
      ...["right", "wrong", "wrong"],
      ...["wrong", "right", "wrong"],
      ...["wrong", "wrong", "right"],
    ]);
  }));

Deno.test("Confusion: the cell under the pointer, or that arrow keys lead to, is told in words", () =>
  withDrawn(h(Confusion, CONFUSION), async (root) => {
    const cell = (place: string) => root.querySelector(`[data-cell="${place}"]`)!;
    const told = () => root.all("p")[0]!.textContent;
    const inOrder = () =>
      root.all("td").filter(({ attributes }) => attributes["tabIndex"] === "0").map(({ attributes }) =>
        attributes["data-cell"]
      );
    assert.equal(told(), "99.5 % of road is found (1,990 of 2,000 pixels)");
    await cell("1 0").fire("pointerenter");
    assert.equal(told(), "25.0 % of sky is taken for road (50 of 200 pixels)");
    assert.deepEqual(inOrder(), ["1 0"]);
    assert.equal(await cell("1 0").fire("keydown", { key: "ArrowRight" }), true);
    assert.equal(SmallElement.focused, cell("1 1"));
    assert.equal(told(), "75.0 % of sky is found (150 of 200 pixels)");
    await cell("1 1").fire("keydown", { key: "ArrowDown" });
    assert.equal(told(), "No pixel is labelled pole");
    // Not beyond the edge, and other keys do nothing.
    for (const key of ["ArrowDown", "ArrowRight", "ArrowRight", "x"]) {
      await cell("2 1").fire("keydown", { key });
    }
    assert.deepEqual(inOrder(), ["2 2"]);
    await cell("2 2").fire("keydown", { key: "ArrowUp" });
    await cell("1 2").fire("keydown", { key: "ArrowLeft" });
    assert.deepEqual(inOrder(), ["1 1"]);
    await cell("0 0").fire("focus");
    for (const key of ["ArrowUp", "ArrowLeft"]) await cell("0 0").fire("keydown", { key });
    assert.deepEqual(inOrder(), ["0 0"]);
  }));

Deno.test("ClassMark and inkOn: colour, pattern, and ink that can be seen on it", async () => {
  assert.deepEqual([inkOn([0, 0, 0]), inkOn([255, 255, 255]), inkOn([0, 0, 255]), inkOn([0, 255, 0])], [
    "#fff",
    "#000",
    "#fff",
    "#000",
  ]);
  const drawn = async (pattern: "plain" | "lines" | "dots") => {
    let parts: string[] = [];
    await withDrawn(
      h(ClassMark, { style: { colour: [1, 2, 3], pattern } as Parameters<typeof ClassMark>[0]["style"] }),
      (root) => {
        assert.equal(root.all("rect")[0]!.attributes["fill"], "rgb(1 2 3)");
        parts = ["path", "circle"].map((name) => `${name} ${root.all(name).length}`);
      },
    );
    return parts.join(", ");
  };
  assert.equal(await drawn("plain"), "path 0, circle 0");
  assert.equal(await drawn("lines"), "path 1, circle 0");
  assert.equal(await drawn("dots"), "path 0, circle 4");
});

const laneOf = (title: string, phase: Partial<ReportPhase>) => ({ title, phase }) as unknown as Lane;
const LATEST = { step: 20, miou: 0.25, pixelAccuracy: 0.5, iou: [0.25, null], labelSize: "original 4x2" };

Deno.test("measured: the evaluation of the last weights, else the last validation, and how it was counted", () => {
  const evaluation = evaluationOf();
  assert.deepEqual(measured(laneOf("a", { evaluation, latest: LATEST })), {
    ...evaluation,
    text: "2 images of val, pixels counted at size original 4x2",
  });
  assert.deepEqual(measured(laneOf("a", { latest: LATEST })), {
    ...LATEST,
    subsets: [],
    text: "validation of step 20 in one pass per image, pixels counted at size original 4x2",
  });
  assert.equal(measured(laneOf("a", {})), undefined);
});

const group = { classes: ["road", "traffic light"], colours: [], runs: [0] };

Deno.test("Results: every class and mean of what was measured, with the notes below", () => {
  const subsets = [{ name: "mIoU*", classes: ["road"], miou: 0.625 }];
  const lanes = [
    laneOf("source-only", { evaluation: evaluationOf({ subsets }) }),
    laneOf("adapted", { latest: LATEST }),
    laneOf("of other classes", { latest: { ...LATEST, iou: [1] } }),
    laneOf("nothing yet", {}),
  ];
  return withDrawn(h(Results, { id: "results", group, lanes, styles: [] }), (root) => {
    assert.deepEqual(rowsOf(root), [
      ["", "source-only", "adapted"],
      ["road", "50.0", "25.0", "−25.0"],
      ["traffic light", "–", "–", "–"],
      ["mIoU", "50.0", "25.0", "−25.0"],
      ["mIoU*", "62.5", "–", "–"],
      ["pixel accuracy", "75.0", "50.0", "−25.0"],
    ]);
    assert.deepEqual(root.all("p").map(({ textContent }) => textContent), [
      "mIoU*: mean of 1 classes, without traffic light",
      "source-only: 2 images of val, pixels counted at size original 4x2",
      "adapted: validation of step 20 in one pass per image, pixels counted at size original 4x2",
    ]);
    assert.deepEqual(root.all("select"), []);
    assert.equal(root.all("h2")[0]!.textContent, "Results by class");
    assert.equal(root.all("caption")[0]!.textContent, "IoU in percent, and the difference in points");
  });
});

Deno.test("Results: of one there is no difference, and the caption says so", () =>
  withDrawn(
    h(Results, { id: "r", group, lanes: [laneOf("a", { evaluation: evaluationOf() })], styles: [] }),
    (root) => {
      assert.equal(root.all("caption")[0]!.textContent, "IoU in percent");
      assert.deepEqual(rowsOf(root)[1], ["road", "50.0"]);
    },
  ));

Deno.test("Results: of three and more the person chooses the one that others are measured against", () => {
  const lanes = [0.25, 0.5, 0.75].map((miou, k) =>
    laneOf(`run ${k}`, { evaluation: evaluationOf({ miou }) })
  );
  const mean = (root: SmallElement) => rowsOf(root).find(([name]) => name === "mIoU");
  return withDrawn(h(Results, { id: "r", group, lanes, styles: [] }), async (root) => {
    assert.deepEqual(mean(root), ["mIoU", "25.0", "50.0", "+25.0", "75.0", "+50.0"]);
    assert.equal(root.all("p").at(-1)!.textContent, "2 images of val, pixels counted at size original 4x2");
    const [select] = root.all("select");
    assert.match(root.all("label")[0]!.textContent, /^Points against run 0/);
    assert.deepEqual(select!.all("option").map(({ textContent }) => textContent), [
      "run 0",
      "run 1",
      "run 2",
    ]);
    await select!.fire("change", { currentTarget: { value: "2" } });
    assert.deepEqual(mean(root), ["mIoU", "25.0", "−50.0", "50.0", "−25.0", "75.0"]);
  });
});

Deno.test("Results: where nothing was evaluated that is said", () =>
  withDrawn(h(Results, { id: "r", group, lanes: [laneOf("a", {})], styles: [] }), (root) => {
    assert.equal(root.all("table").length, 0);
    assert.equal(
      root.all("p")[0]!.textContent,
      "Nothing was evaluated: the recipe has no val split, or no validation came yet.",
    );
  }));
