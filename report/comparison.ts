/**
 * Methods side by side on one data recipe, in the shape of the paper's Tables 2 and 3, with what each costs.
 *
 * Two mIoUs are shown, on purpose. `mIoU` is that of the last weights, which needs no labels of the target.
 * `best` is that of the best validation, which many papers report; choosing it takes labels that the setting
 * says are not there.
 */
import type { Evaluation } from "../core/events.ts";
import type { MethodPlan } from "../core/plan.ts";
import { percent } from "../core/words.ts";
import type { Grid } from "./grid.ts";
import { countedNotes, describeSubset, shortClasses, spread } from "./means.ts";
import { paperRow, type PaperTable, paperTable } from "./paper.ts";
import type { SnapshotPicks } from "./snapshots.ts";

/** One training of a method that came to its end. */
export interface MethodRun {
  readonly evaluation: Evaluation;
  /** What its validations reached, by who chooses the snapshot. */
  readonly picks: SnapshotPicks;
  /** Seconds of a step: medians of the phases, averaged over the steps of all; absent: not logged. */
  readonly secondsPerStep?: number | undefined;
  /** The most memory that its process held, in bytes; absent: not known. */
  readonly peakBytes?: number | undefined;
}

/** A method with its runs, one for each seed that is done. */
export interface ComparedMethod {
  /** The recipe's name. */
  readonly name: string;
  /** What the recipe says of it; absent: nothing. */
  readonly method?: MethodPlan | undefined;
  readonly runs: readonly MethodRun[];
  /** Why seeds have no run, a line each. */
  readonly failures?: readonly string[];
}

/** What {@linkcode comparisonGrid} shows. */
export interface ComparisonOptions {
  /** The name of the method whose time and memory are 1. */
  readonly reference: string;
  /** Add what the paper reports for the same classes. */
  readonly paper: boolean;
  /** Class names cut to what fits a terminal. */
  readonly short: boolean;
}

/**
 * One row for each method: its kind, the mean IoU of every class over its seeds, mIoU of the last weights as
 * mean and sample deviation, the mean of the best validations, and the medians of a step's time and of the
 * memory as multiples of the reference's. With `paper` the last columns hold the paper's means of the rows
 * that recipes name (`method.paper`), over all classes and over the evaluations' subsets. What is not known
 * is "-". All evaluations must be of the same classes; no methods give an empty grid.
 */
export function comparisonGrid(methods: readonly ComparedMethod[], options: ComparisonOptions): Grid {
  const done = methods.flatMap(({ runs }) => runs);
  const { classes = [], subsets = [] } = done[0]?.evaluation ?? {};
  const names = subsets.map(({ name }) => name);
  const printed = options.paper ? paperTable(classes) : undefined;
  const printedMeans = ["mIoU", ...names].filter((mean) => printed?.rows.some(({ cells }) => mean in cells));
  const reference = methods.find(({ name }) => name === options.reference);
  return {
    head: [
      "",
      "kind",
      ...(options.short ? shortClasses(classes) : classes),
      "mIoU %",
      ...names.map((name) => `${name} %`),
      "best %",
      "seeds",
      "time",
      "memory",
      ...printedMeans.map((mean) => mean === "mIoU" ? "paper %" : `paper ${mean} %`),
    ],
    rows: methods.map((each) => {
      const { name, method, runs } = each;
      const ious = (k: number) => runs.map(({ evaluation: { iou } }) => iou[k] ?? null);
      return [
        `${method?.title ?? name}${method?.unofficial ? " (unofficial)" : ""}`,
        method?.kind ?? "-",
        ...classes.map((_, k) => percent(mean(ious(k)))),
        spread(runs.map(({ evaluation }) => evaluation.miou)),
        ...names.map((name) => spread(runs.flatMap(({ evaluation }) => meanOf(evaluation, name)))),
        percent(mean(runs.map(({ picks }) => picks["best"] ?? null))),
        String(runs.length),
        ratio(each, reference, ({ secondsPerStep }) => secondsPerStep),
        ratio(each, reference, ({ peakBytes }) => peakBytes),
        ...printedMeans.map((mean) => printedMean(printed, method, mean)),
      ];
    }),
    notes: [
      ...subsets.map((subset) => `${subset.name}: ${describeSubset(classes, subset.classes)}`),
      ...countedNotes(
        methods.map(({ name, runs }) => ({ name, evaluations: runs.map((run) => run.evaluation) })),
      ),
      "mIoU: of the last weights; best: of the highest validation in one pass, which takes labels of the target to choose; " +
      `time and memory: of a step, and the most that the process held, as multiples of ${
        reference?.method?.title ?? options.reference
      }`,
      ...methods.flatMap(({ name, failures = [] }) => failures.map((line) => `${name}: ${line}`)),
      ...(printed ? printed.notes : []),
    ],
  };
}

function meanOf({ subsets = [] }: Evaluation, name: string): (number | null)[] {
  return subsets.filter((subset) => subset.name === name).map(({ miou }) => miou);
}

/** The mean of the values that are not null; null when there is none. */
function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** The middle value, the upper one of two; undefined of none. */
function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** A method's median over the reference's, with two decimals; "-" where one of them is not known. */
function ratio(
  { runs }: ComparedMethod,
  reference: ComparedMethod | undefined,
  of: (run: MethodRun) => number | undefined,
): string {
  const [ofMethod, ofReference] = [runs, reference?.runs ?? []].map((runs) =>
    median(runs.flatMap((run) => of(run) ?? []))
  );
  return ofMethod === undefined || ofReference === undefined ? "-" : (ofMethod / ofReference).toFixed(2);
}

/** A mean of the row that the recipe names; "-" where it names none and where the paper has no such mean. */
function printedMean(table: PaperTable | undefined, method: MethodPlan | undefined, mean: string): string {
  return paperRow(table, method?.paper)?.cells[mean] || "-";
}
