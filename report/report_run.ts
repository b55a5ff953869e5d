/**
 * From a run folder's contents to what a report shows. Everything that comes from files is bounded here:
 * numbers of points, digits, lengths of texts. A run folder may be a stranger's, and the page only draws.
 */
import type { Evaluation, SubsetMean, ValidationEvent } from "../core/events.ts";
import { shortened } from "../core/printable.ts";
import { gibibytes } from "../core/words.ts";
import { type Curve, type CurveWithTrend, decimate, means, type PlainCurve } from "./decimate.ts";
import type { ReportPhase, ReportRun, Validated } from "./report_data.ts";
import type { PhaseLog } from "../run_folder/phase_log.ts";
import type { Run, RunPhase } from "../run_folder/read.ts";

/** Points of all curves of a report together: about 3 MB. */
const POINTS = 200_000;

/** Pixel columns of a curve: no more than a large screen has, no fewer than a small one. */
const COLUMNS = { most: 1000, least: 100 };

/** Spans of a trend. Curves with fewer than twice as many points have none. */
const SPANS = 150;

/** Significant digits of values, more than a screen tells apart. */
const DIGITS = 6;

/** Pixel columns for each curve, so that a report about all these runs stays a few MB. */
export function columnsFor(runs: readonly Run[]): number {
  const curves = runs.flatMap(({ phases }) => phases).reduce(
    (sum, { log }) => sum + (log?.series.size ?? 0) + 1,
    0,
  );
  const fair = Math.floor(POINTS / (2 * Math.max(1, curves)));
  return Math.min(COLUMNS.most, Math.max(COLUMNS.least, fair));
}

/**
 * A run as a report shows it, without pictures. @param options `title` heads the run, `columns` as {@linkcode
 * columnsFor} says
 */
export function reportRun(run: Run, { title, columns }: { title: string; columns: number }): ReportRun {
  return {
    title,
    state: run.state,
    facts: factsOf(run),
    ...(run.config ? { config: run.config.text } : {}),
    phases: run.phases.map((phase) => reportPhase(phase, columns)),
    notes: [
      ...run.phases.flatMap(({ name, log }) => [
        ...(log?.notes ?? []).map((note) => `${name}: ${note}`),
        ...(log?.failure === undefined ? [] : [`${name} failed: ${log.failure}`]),
      ]),
      ...run.problems,
    ],
  };
}

function reportPhase({ name, log, evaluation }: RunPhase, columns: number): ReportPhase {
  const best = validated(log?.best);
  const latest = validated(log?.validations.at(-1));
  const shown = checkedEvaluation(evaluation);
  const seconds = log ? (log.last - log.began) / 1000 : NaN;
  const validations = log?.validations ?? [];
  return {
    name,
    step: log?.done ?? 0,
    steps: log?.steps ?? 0,
    curves: log ? curvesOf(log, columns) : {},
    medians: log ? mediansOf(log) : {},
    miou: short({ x: validations.map(({ step }) => step), y: validations.map(({ miou }) => miou) }, columns),
    ...(best ? { best } : {}),
    ...(latest ? { latest } : {}),
    ...(Number.isFinite(seconds) ? { seconds } : {}),
    ...(shown ? { evaluation: shown } : {}),
  };
}

/** The scalars of a phase as curves, shortened; long ones with a trend. */
function curvesOf({ series }: PhaseLog, columns: number): Record<string, CurveWithTrend> {
  const made = [...series].filter(([name]) => name !== "time").map(([name, { steps, values, length }]) => {
    const curve = { x: steps, y: values };
    const trend = length < 2 * SPANS ? {} : { trend: rounded(means(curve, SPANS)) };
    return [name, { ...short(curve, columns), ...trend }] as const;
  });
  return byName(made);
}

/**
 * Medians of what takes time, over the whole series: the shortened curve has only each column's lowest and
 * highest.
 */
function mediansOf({ series }: PhaseLog): Record<string, number> {
  const made: [string, number][] = [];
  for (const [name, { values }] of series) {
    if (name !== "rate" && !name.startsWith("diagnostics/seconds/")) continue;
    const sorted = values.filter((value) => !Number.isNaN(value)).sort();
    if (sorted.length > 0) made.push([name, digits(sorted[Math.floor(sorted.length / 2)]!)]);
  }
  return byName(made);
}

/** An object without a prototype: names come from a file, and `__proto__` must be a name like any other. */
function byName<T>(made: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(made));
}

function short(curve: Curve, columns: number): PlainCurve {
  return rounded(decimate(curve, { columns }));
}

function rounded({ x, y }: PlainCurve): PlainCurve {
  return {
    x: x.map((value) => Number.isInteger(value) ? value : Math.round(value)),
    y: y.map((value) => value === null ? null : digits(value)),
  };
}

function digits(value: number): number {
  return Number(value.toPrecision(DIGITS));
}

function validated(event: ValidationEvent | undefined): Validated | undefined {
  if (event === undefined) return undefined;
  const { step, miou, pixelAccuracy, iou, labelSize } = event;
  return { step, miou, pixelAccuracy, iou, labelSize };
}

/**
 * An evaluation from a file that may be damaged: a confusion matrix of another shape becomes empty, damaged
 * subsets are left out, texts are shortened.
 */
function checkedEvaluation(evaluation: Evaluation | undefined): Evaluation | undefined {
  if (evaluation === undefined) return undefined;
  const { classes, iou, miou, images, split, labelSize, inference, pixelAccuracy, subsets, confusion } =
    evaluation;
  const isMatrix = Array.isArray(confusion) && confusion.length === classes.length &&
    confusion.every((row) =>
      Array.isArray(row) && row.length === classes.length &&
      row.every((pixels) => Number.isFinite(pixels) && pixels >= 0)
    );
  return {
    ...{ images, iou, miou, split: shortened(split), labelSize: shortened(labelSize) },
    classes: classes.map(shortened),
    ...(typeof inference === "string" ? { inference: shortened(inference) } : {}),
    ...(subsets ? { subsets: subsets.filter(isSubset).map(shortSubset) } : {}),
    pixelAccuracy: Number.isFinite(pixelAccuracy) ? pixelAccuracy : null,
    confusion: isMatrix ? confusion : [],
  };
}

function isSubset({ name, classes }: SubsetMean): boolean {
  return typeof name === "string" && classes.every((one) => typeof one === "string");
}

function shortSubset({ name, classes, miou }: SubsetMean): SubsetMean {
  return { name: shortened(name), classes: classes.map(shortened), miou };
}

/** Name and value of what decided the run's result, as far as `run.json` has it. */
function factsOf({ record = {}, folder }: Run): [string, string][] {
  const versions = asObject(record["versions"]);
  const machine = asObject(record["machine"]);
  const memory = machine["memory"];
  const all: [string, unknown][] = [
    ["folder", folder],
    ["recipe", record["recipe"]],
    ["seed", record["seed"]],
    ["backend", record["backend"]],
    ["begun", record["date"]],
    ["command", Array.isArray(record["command"]) ? record["command"].join(" ") : undefined],
    ["commit", record["commit"]],
    ...Object.entries(versions),
    ["system", machine["system"]],
    ["cores", machine["cores"]],
    ["memory", typeof memory === "number" ? gibibytes(memory) : undefined],
  ];
  return all.filter(([, value]) => typeof value === "string" || typeof value === "number")
    .map(([name, value]) => [shortened(name), shortened(String(value))]);
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}
