/** What evaluations found, as a table for people. */
import Table from "cli-table3";
import type { Evaluation } from "../core/events.ts";
import { percent } from "../core/words.ts";
import { FRAMELESS } from "./grid.ts";
import { countedText, describeSubset } from "./means.ts";

/** One network's results, as a column. */
export interface ClassColumn {
  readonly title: string;
  readonly evaluation: Evaluation;
}

/**
 * IoU in percent by class, then mIoU, the means over subsets of the classes and pixel accuracy, one column
 * for each network; with several columns, the difference of the last from the first. A class absent from
 * labels and predictions is "-". Below it stands what the subsets are and how pixels were counted. No
 * colours, no trailing newline. No columns give "".
 */
export function classTable(columns: readonly ClassColumn[]): string {
  const [first] = columns;
  if (!first) return "";
  const several = columns.length > 1;
  const difference = columns.length > 2 ? `against ${first.title}` : "difference";
  const { classes, subsets = [] } = first.evaluation;
  const table = new Table({
    head: ["IoU %", ...columns.map((column) => column.title), ...(several ? [difference] : [])],
    chars: FRAMELESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: ["left", ...columns.map(() => "right" as const), ...(several ? ["right" as const] : [])],
  });
  const row = (name: string, values: readonly (number | null)[]) => {
    const [a, b] = [values[0], values.at(-1)];
    const delta = typeof a === "number" && typeof b === "number" ? signed(b - a) : "-";
    table.push([name, ...values.map(percent), ...(several ? [delta] : [])]);
  };
  classes.forEach((name, id) => row(name, columns.map((column) => column.evaluation.iou[id] ?? null)));
  row("mIoU", columns.map((column) => column.evaluation.miou));
  for (const { name } of subsets) {
    row(
      name,
      columns.map(({ evaluation }) => evaluation.subsets?.find((each) => each.name === name)?.miou ?? null),
    );
  }
  row("pixel accuracy", columns.map((column) => column.evaluation.pixelAccuracy));
  const lines = table.toString().split("\n").map((line) => line.trimEnd());
  const counted = [...new Set(columns.map(({ evaluation }) => countedText(evaluation)))];
  return [
    ...lines,
    ...subsets.map((subset) => `${subset.name}: ${describeSubset(classes, subset.classes)}`),
    ...(counted.length === 1
      ? counted
      : columns.map(({ title, evaluation }) => `${title}: ${countedText(evaluation)}`)),
  ].join("\n");
}

/** A difference of shares in percent, with its sign; zero has a plus. */
function signed(share: number): string {
  const text = (100 * share).toFixed(1);
  return text.startsWith("-") && text !== "-0.0" ? text : `+${text.replace("-", "")}`;
}
