/**
 * Results of several runs side by side, in the shape of the paper's Tables 2 and 3: one row for each method,
 * one column for each class.
 */
import type { Evaluation } from "../core/events.ts";
import { percent } from "../core/words.ts";
import type { Grid } from "./grid.ts";
import { countedText, describeSubset, shortClasses } from "./means.ts";
import { paperTable } from "./paper.ts";

/** One method's results. */
export interface Result {
  readonly title: string;
  readonly evaluation: Evaluation;
}

/** What {@linkcode resultsGrid} shows beside the results. */
export interface ResultsOptions {
  /** Class names cut to what fits a terminal. */
  readonly short: boolean;
  /** Add what the paper reports for the same classes. */
  readonly paper: boolean;
}

/**
 * IoU in percent of every class, the mean, and the means over subsets where the label space has some. A class
 * absent from labels and predictions is "-". The notes say on how many images and at which label size each
 * row was counted. All results must have the same classes; no results give an empty grid.
 */
export function resultsGrid(results: readonly Result[], { short, paper }: ResultsOptions): Grid {
  const [first] = results;
  if (first === undefined) return { head: [], rows: [], notes: [] };
  const { classes, subsets = [] } = first.evaluation;
  const names = subsets.map(({ name }) => name);
  const own = results.map(({ title, evaluation: { iou, miou, subsets = [] } }) => [
    title,
    ...[...iou, miou, ...names.map((name) => subsets.find((each) => each.name === name)?.miou ?? null)]
      .map(percent),
  ]);
  const printed = paper ? paperTable(classes) : undefined;
  const columns = [...classes, "mIoU", ...names];
  return {
    head: ["IoU %", ...(short ? shortClasses(classes) : classes), "mIoU", ...names],
    rows: [
      ...own,
      ...printed?.rows.map(({ title, cells }) => [title, ...columns.map((name) => cells[name] ?? "-")]) ?? [],
    ],
    notes: [
      ...subsets.map((subset) => `${subset.name}: ${describeSubset(classes, subset.classes)}`),
      ...results.map(({ title, evaluation }) => `${title}: ${countedText(evaluation)}`),
      ...printed?.notes ?? [],
    ],
  };
}
