/** The phases of the runs that are compared, each with its look and its name. */
import type { CurveWithTrend } from "../../report/decimate.ts";
import type { ClassGroup, ReportData, ReportPhase, ReportRun } from "../../report/report_data.ts";
import type { ChartSeries } from "../chart.tsx";

/** A phase of a run among others. */
export interface Lane {
  readonly run: ReportRun;
  readonly phase: ReportPhase;
  /** Phases of the run that come after it. */
  readonly later: number;
  /** What it is called here. */
  readonly title: string;
  readonly colour: number;
  readonly dash: number;
}

/** The colour of what the others are compared with. */
const GREY = 6;

/**
 * The phases of a group's runs. A run has a colour, and a dash for each earlier phase; where there is one run only, each phase
 * has a colour, and the first of several is grey.
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

/** One curve for each lane that has it. */
export function seriesOf(
  lanes: readonly Lane[],
  curveOf: (phase: ReportPhase) => CurveWithTrend | undefined,
): ChartSeries[] {
  return lanes.flatMap(({ phase, title, colour, dash }) => {
    const curve = curveOf(phase);
    return curve && curve.x.length > 0 ? [{ name: title, ...curve, colour, dash }] : [];
  });
}

/** Several curves for each lane: a colour for each name, a dash for each lane. */
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

/** Names of curves that some lane has, in order. */
export function curveNames(lanes: readonly Lane[]): string[] {
  return [...new Set(lanes.flatMap(({ phase }) => Object.keys(phase.curves)))];
}
