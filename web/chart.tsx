/**
 * A chart of curves over steps: the drawing ({@linkcode Plot}), a legend whose entries hide and show curves,
 * the values under the cursor, and the same numbers as a table for people who cannot use the drawing.
 *
 * The state lives here, not in the drawing: which curves are hidden, which part of the x axis is shown, and
 * the step under the cursor. The drawing is told all three and reports what pointer and keys ask for.
 */
import { useId, useState } from "preact/hooks";
import type { Curve } from "../report/decimate.ts";
import { lineDash, lineStroke } from "./lines.ts";
import { type ChartProps, type ChartSeries, Plot, type Range } from "./plot.tsx";
import { Name, number } from "./text.tsx";

export type { ChartProps, ChartSeries } from "./plot.tsx";

/** The most rows of the table. */
const TABLE_ROWS = 40;

/**
 * A chart with its legend, the values under its cursor, and its table. Where no curve has a point, a sentence
 * says so instead.
 */
export function Chart(props: ChartProps) {
  const { title, series, xName = "step", format = number } = props;
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState<number | undefined>();
  const [range, setRange] = useState<Range | undefined>();
  const id = useId();
  if (series.every(({ x }) => x.length === 0)) {
    return (
      <figure class="chart">
        <figcaption>{title}</figcaption>
        <p class="empty">Nothing was logged for it.</p>
      </figure>
    );
  }
  const toggle = (k: number) => {
    const next = new Set(hidden);
    if (!next.delete(k)) next.add(k);
    setHidden(next);
  };
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <span id={id}>{title}</span>
        {range && (
          <button type="button" class="quiet" onClick={() => setRange(undefined)}>
            Whole range
          </button>
        )}
      </figcaption>
      <Plot {...props} hidden={hidden} range={range} onRange={setRange} at={at} onAt={setAt} />
      <ul class="legend">
        {series.map((one, k) => (
          <li>
            <button type="button" class="key" aria-pressed={!hidden.has(k)} onClick={() => toggle(k)}>
              <LineSample colour={one.colour ?? k} dash={one.dash ?? 0} />
              <Name>{one.name}</Name>
              <span class="value">{at === undefined ? "" : format(valueAt(one, at))}</span>
            </button>
          </li>
        ))}
        <li class="value" aria-live="polite">{at === undefined ? "" : `${xName} ${number(at)}`}</li>
      </ul>
      <CurveTable series={series} xName={xName} format={format} title={title} />
    </figure>
  );
}

/**
 * The value of a curve at the last of its points that is not beyond `at`; null before the first point. Curves
 * need not share their points: validation comes more rarely than steps are logged.
 */
function valueAt({ x, y }: Curve, at: number): number | null {
  let found: number | null = null;
  for (let k = 0; k < x.length && x[k]! <= at; k++) found = y[k] ?? found;
  return found;
}

/** A short piece of a line for a legend, in a curve's colour and dash. */
function LineSample({ colour, dash }: { readonly colour: number; readonly dash: number }) {
  return (
    <svg class="sample" width="22" height="10" viewBox="0 0 22 10" aria-hidden="true">
      <line
        x1="0"
        y1="5"
        x2="22"
        y2="5"
        stroke={`var(${lineStroke(colour)})`}
        stroke-width="2.5"
        stroke-dasharray={lineDash(dash).join(" ")}
      />
    </svg>
  );
}

/** What the table shows; see {@linkcode ChartProps}. */
interface CurveTableProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  readonly xName: string;
  readonly format: (value: number | null) => string;
}

/** All curves as a table of at most {@linkcode TABLE_ROWS} rows, made when it is opened. */
function CurveTable({ title, series, xName, format }: CurveTableProps) {
  const [open, setOpen] = useState(false);
  const xs = open ? tableSteps(series) : [];
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`${title} as a table`}>
          <table>
            <thead>
              <tr>
                <th scope="col">{xName}</th>
                {series.map(({ name }) => (
                  <th scope="col">
                    <Name>{name}</Name>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {xs.map((x) => (
                <tr>
                  <th scope="row">{number(x)}</th>
                  {series.map((one) => <td key={one.name}>{format(valueAt(one, x))}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/**
 * The x values of the table's rows: all that occur, or evenly chosen ones of them, the first and the last
 * included.
 */
function tableSteps(series: readonly ChartSeries[]): number[] {
  const all = [...new Set(series.flatMap(({ x }) => Array.from(x)))].sort((a, b) => a - b);
  if (all.length <= TABLE_ROWS) return all;
  return Array.from(
    { length: TABLE_ROWS },
    (_, k) => all[Math.round(k * (all.length - 1) / (TABLE_ROWS - 1))]!,
  );
}
