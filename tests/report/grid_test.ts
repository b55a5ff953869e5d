import assert from "node:assert/strict";
import { GRID_FORMATS, renderGrid } from "../../report/grid.ts";

const GRID = {
  head: ["", "IoU %", "seeds"],
  rows: [["source-only", "34.0 ± 1.2", "3"], ["b", "-", "12"]],
  notes: ["two images"],
};

Deno.test("renderGrid, text: the first column on the left, numbers on the right, no space at line ends", () => {
  assert.equal(
    renderGrid(GRID, "text"),
    [
      "                  IoU %  seeds",
      "source-only  34.0 ± 1.2      3",
      "b                     -     12",
      "two images",
    ].join("\n"),
  );
});

Deno.test("renderGrid, text: names of different lengths alone have no space behind them", () => {
  assert.equal(
    renderGrid({ head: ["name"], rows: [["a"], ["long name"]], notes: [] }, "text"),
    "name\na\nlong name",
  );
});

Deno.test("renderGrid, markdown: numbers on the right, notes after an empty line", () => {
  assert.equal(
    renderGrid(GRID, "markdown"),
    [
      "|  | IoU % | seeds |",
      "| --- | --: | --: |",
      "| source-only | 34.0 ± 1.2 | 3 |",
      "| b | - | 12 |",
      "",
      "two images",
    ].join("\n"),
  );
  assert.equal(renderGrid({ ...GRID, rows: [], notes: [] }, "markdown").split("\n").length, 2);
});

Deno.test("renderGrid, markdown: signs that would end a cell are escaped, line ends become spaces", () => {
  const cells = renderGrid({ head: ["a"], rows: [["x|y"], ["c\\d"], ["two\nlines"]], notes: [] }, "markdown");
  assert.deepEqual(cells.split("\n").slice(2), ["| x\\|y |", "| c\\\\d |", "| two lines |"]);
});

Deno.test("renderGrid, latex: a tabular with notes as comments above", () => {
  assert.equal(
    renderGrid(GRID, "latex"),
    [
      "% two images",
      "\\begin{tabular}{lrr}",
      "  \\hline",
      "   & IoU \\% & seeds \\\\",
      "  \\hline",
      "  source-only & 34.0 $\\pm$ 1.2 & 3 \\\\",
      "  b & - & 12 \\\\",
      "  \\hline",
      "\\end{tabular}",
    ].join("\n"),
  );
});

Deno.test("renderGrid, latex: every sign that means something there is escaped", () => {
  const cell = (text: string) =>
    renderGrid({ head: ["h"], rows: [[text]], notes: [] }, "latex").split("\n").at(-3);
  assert.equal(cell("a_b&c%d$e#f{g}"), "  a\\_b\\&c\\%d\\$e\\#f\\{g\\} \\\\");
  assert.equal(
    cell("\\~^✓"),
    "  \\textbackslash{}\\textasciitilde{}\\textasciicircum{}$\\checkmark$ \\\\",
  );
});

Deno.test("renderGrid, csv: cells with signs of the format are quoted, notes are comments above", () => {
  const rows = [["a,b", 'say "x"', "1"], ["two\nlines", "#c", "a\rb"], ["plain text", "", "-"]];
  assert.equal(
    renderGrid({ head: ["", "x", "y"], rows, notes: ["first", "second"] }, "csv"),
    [
      "# first",
      "# second",
      ",x,y",
      '"a,b","say ""x""",1',
      '"two\nlines","#c","a\rb"',
      "plain text,,-",
    ].join("\n"),
  );
});

Deno.test("renderGrid: without rows it is its head, in every format", () => {
  const made = GRID_FORMATS.map((format) => renderGrid({ head: ["a", "b"], rows: [], notes: [] }, format));
  assert.deepEqual(made, [
    "a  b",
    "| a | b |\n| --- | --: |",
    "\\begin{tabular}{lr}\n  \\hline\n  a & b \\\\\n  \\hline\n  \\hline\n\\end{tabular}",
    "a,b",
  ]);
});
