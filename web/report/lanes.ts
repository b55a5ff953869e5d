/** The phases of the runs that are compared, each with its look and its name. */
import type { CurveWithTrend } from "../../report/decimate.ts";
import type { ClassGroup, ReportData, ReportPhase, ReportRun } from "../../report/report_data.ts";
import type { ChartSeries } from "../chart.tsx";

/** A phase of a run among others. */
export interface Lane {
  readonly run: ReportRun;
  readonly phase: ReportPhase;
  /** What it is called here. */
  readonly title: string;
  readonly colour: number;
  readonly dash: number;
}

/** The colour of a baseline that stands alone. */
const GREY = 6;

/** The phases of a group's runs. A run's baseline has its colour and is dashed; with one run, it is grey. */
export function lanesOf(data: ReportData, group: ClassGroup): readonly Lane[] {
  const alone = group.runs.length === 1;
  return group.runs.flatMap((place, k) => {
    const run = data.runs[place]!;
    return run.phases.map((phase): Lane => ({
      run,
      phase,
      title: alone ? phase.name || run.title : laneTitle(run, phase),
      colour: !alone ? k : phase.baseline ? GREY : 0,
      dash: phase.baseline && !alone ? 1 : 0,
    }));
  });
}

function laneTitle(run: ReportRun, phase: ReportPhase): string {
  return phase.baseline ? `${run.title}, ${phase.name || "baseline"}` : run.title;
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
