/**
 * A table in the formats that papers, READMEs, spreadsheets and terminals take. A {@linkcode Grid} holds
 * cells as they are shown; everything about numbers is decided before.
 */
import Table from "cli-table3";

/** The formats of {@linkcode renderGrid}. */
export const GRID_FORMATS = ["text", "markdown", "latex", "csv"] as const;

/** One of {@linkcode GRID_FORMATS}. */
export type GridFormat = (typeof GRID_FORMATS)[number];

/**
 * A table. The first column is left-aligned, all others right-aligned; every row has as many cells as the
 * head.
 */
export interface Grid {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What a reader must know, a sentence each; below the table, or comments in LaTeX and CSV. */
  readonly notes: readonly string[];
}

/**
 * A table as text, without a trailing newline. Cells are escaped as the format asks. A grid without rows is
 * its head.
 */
export function renderGrid(grid: Grid, format: GridFormat): string {
  return RENDERERS[format](grid);
}

/** cli-table3's characters for lines without frames, as on a terminal. */
export const FRAMELESS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

const RENDERERS: Readonly<Record<GridFormat, (grid: Grid) => string>> = {
  text({ head, rows, notes }) {
    const table = new Table({
      head: [...head],
      chars: FRAMELESS,
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
      colAligns: head.map((_, column) => column === 0 ? "left" : "right"),
    });
    table.push(...rows.map((row) => [...row]));
    const lines = table.toString().split("\n").map((line) => line.trimEnd());
    return [...lines, ...notes].join("\n");
  },
  markdown({ head, rows, notes }) {
    const line = (cells: readonly string[]) =>
      `| ${cells.map((cell) => cell.replace(/[|\\]/g, "\\$&").replace(/\n/g, " ")).join(" | ")} |`;
    const rule = line(head.map((_, column) => column === 0 ? "---" : "--:"));
    const below = notes.length === 0 ? [] : ["", ...notes];
    return [line(head), rule, ...rows.map(line), ...below].join("\n");
  },
  latex({ head, rows, notes }) {
    const line = (cells: readonly string[]) => `  ${cells.map(latexText).join(" & ")} \\\\`;
    return [
      ...notes.map((note) => `% ${note}`),
      `\\begin{tabular}{l${"r".repeat(Math.max(0, head.length - 1))}}`,
      "  \\hline",
      line(head),
      "  \\hline",
      ...rows.map(line),
      "  \\hline",
      "\\end{tabular}",
    ].join("\n");
  },
  csv({ head, rows, notes }) {
    const line = (cells: readonly string[]) =>
      cells.map((cell) => /[",\n\r#]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell).join(",");
    return [...notes.map((note) => `# ${note}`), line(head), ...rows.map(line)].join("\n");
  },
};

const LATEX: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "✓": "$\\checkmark$",
};

/** A cell as LaTeX, its special characters escaped. */
function latexText(cell: string): string {
  return cell.replace(/[\\~^±✓&%$#_{}]/g, (sign) => LATEX[sign] ?? `\\${sign}`);
}
