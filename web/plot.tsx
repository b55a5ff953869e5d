/**
 * The drawing of a chart, by the library uPlot on a canvas.
 *
 * A run has more steps than a screen has columns. So what uPlot gets is not the curve but its shortened form
 * for the range that is shown ({@linkcode decimate}: the lowest and highest point of each column), computed
 * anew at each zoom. Zooming in therefore brings back details that were left out before, and what is drawn
 * stays small for any length of run.
 *
 * The component does not own its state: range and cursor come in as `range` and `at`, wishes go out by
 * `onRange` and `onAt`. A change of `series` makes a new uPlot; all other changes go to the one that is
 * there.
 */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { type Curve, decimate } from "../report/decimate.ts";
import { lineDash, lineStroke } from "./lines.ts";
import { number } from "./text.tsx";

/** A curve with its name and look. */
export interface ChartSeries extends Curve {
  readonly name: string;
  /** Curves of one colour belong together; counted from 0. Absent: the series' place. */
  readonly colour?: number;
  /** The course of a noisy curve, which is then drawn faintly. */
  readonly trend?: Curve;
  /** Tells curves of one colour apart; counted from 0, which is a solid line. */
  readonly dash?: number;
}

/** What {@linkcode Chart} shows. */
export interface ChartProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** Of the x axis; "step" when absent. */
  readonly xName?: string;
  /** How values are written; four digits when absent. */
  readonly format?: (value: number | null) => string;
  /** What the x axis always reaches to; absent: as far as the curves go. */
  readonly xMax?: number;
  /** Both ends of the y axis; absent: as far as the curves go. */
  readonly yRange?: readonly [number, number];
}

/** Ends of an axis. */
export type Range = readonly [number, number];

/** Of the drawing, in CSS pixels. */
const HEIGHT = 240;

/** What {@linkcode Plot} draws, and whom it tells. */
export interface PlotProps extends ChartProps {
  /** Places in `series` of the curves that are not drawn. */
  readonly hidden: ReadonlySet<number>;
  /** The part of the x axis that is shown; undefined: all of it. */
  readonly range: Range | undefined;
  /** Called when a person zooms; undefined: to the whole range. */
  readonly onRange: (range: Range | undefined) => void;
  /** The x of the cursor; undefined: there is none. */
  readonly at: number | undefined;
  /** Called when the cursor comes to another x, or leaves. */
  readonly onAt: (x: number | undefined) => void;
}

/**
 * Draws the curves. Dragging, plus and minus zoom; a double click and Escape show the whole range; arrow
 * keys, Home and End move the cursor.
 */
export function Plot(
  { title, series, format = number, hidden, range, onRange, at, onAt, xMax, yRange }: PlotProps,
) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<{ readonly self: uPlot; readonly of: readonly ChartSeries[] } | undefined>(undefined);
  // uPlot's hooks outlive a rendering.
  const handlers = useRef({ onRange, onAt });
  handlers.current = { onRange, onAt };
  const fullRange = wholeRange(series, xMax);
  const drawn = lines(series);

  const show = () => {
    const { self, of } = plot.current ?? {};
    // Other curves get another plot, after the page was painted.
    if (!self || of !== series) return;
    const [low, high] = range ?? fullRange;
    self.batch(() => {
      drawn.forEach(({ k }, line) => self.setSeries(line + 1, { show: !hidden.has(k) }));
      const columns = Math.max(200, place.current!.clientWidth);
      self.setData(joined(drawn, { columns, range: [low, high] }), true);
      self.scales["x"]!.range = () => [low, high];
      self.setScale("x", { min: low, max: high });
      if (at === undefined) return;
      // The cursor stays at its step, not at its pixel.
      const inside = at >= low && at <= high;
      const left = self.bbox.width / devicePixelRatio * (at - low) / (high - low);
      self.setCursor(inside ? { left, top: 10 } : AWAY);
    });
  };

  useEffect(() => {
    const node = place.current!;
    const chart = new uPlot(
      plotOptions({ width: node.clientWidth, fullRange, yRange, format, drawn, handlers }),
      [[]],
      node,
    );
    plot.current = { self: chart, of: series };
    show();
    const unwatch = watchPlace(chart, node);
    return () => {
      unwatch();
      chart.destroy();
    };
  }, [series]);

  // Before the next key comes.
  useLayoutEffect(show, [series, hidden, range, ...fullRange]);

  const onKey = (event: KeyboardEvent) => {
    const { self } = plot.current!;
    const xs = self.data[0];
    if (event.key === "Escape") {
      self.setCursor(AWAY);
      return onRange(undefined);
    }
    const move = MOVES[event.key];
    const zoom = ZOOMS[event.key];
    if (move === undefined && zoom === undefined || xs.length === 0) return;
    event.preventDefault();
    const here = at ?? xs[xs.length - 1]!;
    if (zoom !== undefined) return onRange(zoomed(range ?? fullRange, { at: here, factor: zoom, fullRange }));
    const [low, high] = range ?? fullRange;
    const next = movedFrom(here, Array.from(xs).filter((x) => x >= low && x <= high), move!);
    if (next !== undefined) self.setCursor({ left: self.valToPos(next, "x"), top: 10 });
  };

  return (
    <div
      ref={place}
      class="plot"
      tabIndex={0}
      role="application"
      aria-label={`${title}: arrow keys read values, plus and minus zoom, Escape shows the whole range`}
      onKeyDown={onKey}
      onDblClick={() => onRange(undefined)}
    />
  );
}

/** Keeps a plot as wide as its place and in the colours of the page. @returns a function that ends it */
function watchPlace(plot: uPlot, node: HTMLElement): () => void {
  const sized = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(200, node.clientWidth), height: HEIGHT })
  );
  sized.observe(node);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const recolour = () => plot.redraw(false);
  scheme.addEventListener("change", recolour);
  return () => {
    sized.disconnect();
    scheme.removeEventListener("change", recolour);
  };
}

/** The x to which a key moves the cursor, within the x that are shown; undefined where none are. */
function movedFrom(here: number, shown: readonly number[], move: number): number | undefined {
  const last = shown.length - 1;
  const now = shown.findIndex((x) => x >= here);
  return shown[Math.min(last, Math.max(0, (now < 0 ? last : now) + move * stride(shown, move)))];
}

/** What {@linkcode plotOptions} makes a plot of. */
interface PlotParts {
  /** Pixels. */
  readonly width: number;
  readonly yRange: PlotProps["yRange"];
  /** The whole x axis. */
  readonly fullRange: Range;
  readonly format: (value: number) => string;
  readonly drawn: ReturnType<typeof lines>;
  /** The listeners of the last rendering. */
  readonly handlers: { readonly current: Pick<PlotProps, "onRange" | "onAt"> };
}

/** How uPlot draws the curves, and what it calls. */
function plotOptions({ width, fullRange, yRange, format, drawn, handlers }: PlotParts): uPlot.Options {
  return {
    width: Math.max(200, width),
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 26, 0, 0],
    cursor: {
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
    },
    scales: {
      x: { time: false, range: () => [...fullRange] },
      y: { ...(yRange ? { range: () => [...yRange] } : {}) },
    },
    axes: [
      {
        stroke: () => styleOf("--muted"),
        grid: { stroke: () => styleOf("--line"), width: 1 },
        ticks: { show: false },
        size: 32,
      },
      {
        stroke: () => styleOf("--muted"),
        grid: { stroke: () => styleOf("--line"), width: 1 },
        ticks: { show: false },
        size: 56,
        values: (_: uPlot, values: number[]) => values.map(format),
      },
    ],
    series: [
      {},
      ...drawn.map(({ of, trend, k }): uPlot.Series => ({
        stroke: () => styleOf(lineStroke(of.colour ?? k)),
        width: trend ? 2 : of.trend ? 1 : 1.5,
        alpha: of.trend && !trend ? 0.3 : 1,
        // A dashed band would look like holes.
        dash: [...lineDash(of.trend && !trend ? 0 : of.dash ?? 0)],
        spanGaps: true,
        points: { show: of.x.length < 60, size: 4 },
      })),
    ],
    hooks: {
      setSelect: [(self) => {
        const { left, width } = self.select;
        if (width < 4) return;
        handlers.current.onRange([self.posToVal(left, "x"), self.posToVal(left + width, "x")]);
        self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      setCursor: [(self) => {
        const { idx } = self.cursor;
        const x = typeof idx === "number" ? self.data[0][idx] : undefined;
        handlers.current.onAt(x);
      }],
    },
  };
}

/** A place of the cursor outside the drawing, where it is not seen. */
const AWAY = { left: -10, top: -10 };

/** How many strides a key moves the cursor; infinitely many end at the first or last point. */
const MOVES: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  Home: -Infinity,
  End: Infinity,
};

/** What a key multiplies the width of the range by. */
const ZOOMS: Readonly<Record<string, number>> = { "+": 0.5, "=": 0.5, "-": 2 };

/**
 * Points that one press of an arrow key moves by: a hundredth of those in sight, at least one. 1 for Home and
 * End.
 */
function stride(xs: readonly number[], move: number): number {
  return Number.isFinite(move) ? Math.max(1, Math.round(xs.length / 100)) : 1;
}

/**
 * A range that is `factor` times as wide, with `at` in its middle where it stays inside the whole. @returns
 * undefined for the whole range
 */
function zoomed([low, high]: Range, to: { at: number; factor: number; fullRange: Range }): Range | undefined {
  const half = (high - low) * to.factor / 2;
  const [first, last] = to.fullRange;
  if (2 * half >= last - first) return undefined;
  const from = Math.min(Math.max(first, to.at - half), last - 2 * half);
  return [from, from + 2 * half];
}

/**
 * The range of x that all curves take, up to `xMax` at least. A single x gets a width, so that it can be
 * drawn. At least one curve must have a point.
 */
function wholeRange(series: readonly ChartSeries[], xMax: number | undefined): Range {
  const filled = series.filter(({ x }) => x.length > 0);
  const low = Math.min(...filled.map(({ x }) => x[0]!));
  const high = Math.max(...filled.map(({ x }) => x[x.length - 1]!), xMax ?? -Infinity);
  return low === high ? [low - 1, high + 1] : [low, high];
}

/** A line of the plot: a curve, or its trend. */
interface Line {
  readonly of: ChartSeries;
  /** The curve's place. */
  readonly k: number;
  readonly trend: boolean;
}

/** What is drawn, in uPlot's order: each curve, and behind it its trend. */
function lines(series: readonly ChartSeries[]): Line[] {
  return series.flatMap((of, k) => [{ of, k, trend: false }, ...(of.trend ? [{ of, k, trend: true }] : [])]);
}

/**
 * The curves as uPlot takes them: one ascending list of x for all, and for each line its y at each of these,
 * shortened for so many columns. Where a line has no point at an x of another, uPlot bridges the gap
 * (`spanGaps`).
 */
function joined(drawn: readonly Line[], want: { columns: number; range: Range }): uPlot.AlignedData {
  const curves = drawn.map(({ of, trend }) => decimate(trend ? of.trend! : of, want));
  const tables = curves.filter(({ x }) => x.length > 0)
    .map(({ x, y }): uPlot.AlignedData => [[...x], [...y]]);
  const all = tables.length === 0 ? [[]] as uPlot.AlignedData : uPlot.join(tables);
  let next = 1;
  const empty = new Array<null>(all[0].length).fill(null);
  return [all[0], ...curves.map(({ x }) => x.length > 0 ? all[next++]! : empty)];
}

/**
 * The value of a custom property of the style sheet. A canvas does not follow style sheets, so colours are
 * read at each drawing, which follows light and dark schemes.
 */
function styleOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}
