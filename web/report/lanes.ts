/**
 * Lanes: the phases of all runs in one list, each with the name and look that it has in every chart of a
 * single measure. A reader who has learnt that blue is the adapted run can rely on it in all of them.
 */
import type { CurveWithTrend } from "../../report/decimate.ts";
import type { ClassGroup, ReportData, ReportPhase, ReportRun } from "../../report/report_data.ts";
import type { ChartSeries } from "../chart.tsx";

/** A phase of a run among others. */
export interface Lane {
  readonly run: ReportRun;
  readonly phase: ReportPhase;
  /** How many phases of the run come after it; 0 for the last, whose weights are the result. */
  readonly later: number;
  /** The name in legends and tables. */
  readonly title: string;
  /** Of its curves; see {@linkcode ChartSeries}. */
  readonly colour: number;
  readonly dash: number;
}

/** The colour of the phase that others are compared with, as a baseline. */
const GREY = 6;

/**
 * The lanes of a group of runs. With several runs, each run has a colour, and its earlier phases a dash each.
 * A single run has a colour for each phase, and grey for the first of several.
 */
export function lanesOf(data: ReportData, group: ClassGroup): readonly Lane[] {
  const alone = group.runs.length === 1;
  return group.runs.flatMap((place, k) => {
    const run = data.runs[place]!;
    return run.phases.map((phase, place): Lane => {
      const later = run.phases.length - 1 - place;
      const title = alone ? phase.name || run.title : later === 0 ? run.title : `${run.title}, ${phase.name}`;
      const colour = !alone ? k : place === 0 && later > 0 ? GREY : later;
      return { run, phase, later, title, colour, dash: alone ? 0 : later };
    });
  });
}

/** One curve for each lane that has it, in the lane's look. */
export function seriesOf(
  lanes: readonly Lane[],
  curveOf: (phase: ReportPhase) => CurveWithTrend | undefined,
): ChartSeries[] {
  return lanes.flatMap(({ phase, title, colour, dash }) => {
    const curve = curveOf(phase);
    return curve && curve.x.length > 0 ? [{ name: title, ...curve, colour, dash }] : [];
  });
}

/**
 * Several curves for each lane in one chart: a colour for each name, a dash for each lane. @param names of
 * curves, and what they are called in the legend
 */
export function manySeries(lanes: readonly Lane[], names: ReadonlyMap<string, string>): ChartSeries[] {
  const shown = [...names];
  const having = lanes.filter(({ phase }) => shown.some(([name]) => phase.curves[name]));
  return having.flatMap(({ phase, title }, lane) =>
    shown.flatMap(([name, called], k): ChartSeries[] => {
      const curve = phase.curves[name];
      if (!curve || curve.x.length === 0) return [];
      return [{
        name: having.length === 1 ? called : `${called} · ${title}`,
        ...curve,
        colour: k,
        dash: lane,
      }];
    })
  );
}

/** The names of all curves that some lane has, in the order in which they first occur. */
export function curveNames(lanes: readonly Lane[]): string[] {
  return [...new Set(lanes.flatMap(({ phase }) => Object.keys(phase.curves)))];
}
