/**
 * A run as it goes, for people: on a terminal one line that is rewritten, above it lines for what should stay
 * (validations, notes); where lines cannot be rewritten, a few plain lines for each phase. It draws from
 * events alone and keeps no state of the run.
 */
import type { SlowestProcess, StepEvent, TrainEvent } from "../core/events.ts";
import { countOf } from "../core/words.ts";
import { meansText, withSign } from "./means.ts";
import { type Course, type TimeKeeper, timeKeeper, type TimeLeft } from "./time_left.ts";

/** Where the progress is shown. */
export interface ProgressTarget {
  /** Whether a line can be rewritten. */
  readonly tty: boolean;
  /** Characters a line. */
  readonly columns: number;
  write(text: string): void;
  /** Milliseconds; for tests. */
  clock?(): number;
}

/** What is known of the run beforehand, and how many lines are wanted. */
export interface ProgressOptions {
  /** Absent: the time left is that of the phase's steps. */
  readonly course?: Course;
  /** Plain lines a phase where lines cannot be rewritten. Default 20. */
  readonly plainLines?: number;
}

/** Shows events. `close` ends the live line. */
export interface Progress {
  event(event: TrainEvent): void;
  /** A line of its own, above the live one. */
  line(text: string): void;
  close(): void;
}

/** The live line is rewritten at most this often, in milliseconds. */
const REDRAW_EVERY = 100;

/** A new display. Nothing is written before the first event. */
export function progress(target: ProgressTarget, options: ProgressOptions = {}): Progress {
  const { course, plainLines = 20 } = options;
  const clock = target.clock?.bind(target) ?? (() => performance.now());
  const keeper: TimeKeeper = timeKeeper(course, clock);
  let live = "";
  let drawn = -Infinity;

  const clear = () => {
    if (live !== "") target.write("\r\x1b[K");
    live = "";
  };
  const line = (text: string) => {
    const kept = live;
    clear();
    target.write(`${text}\n`);
    if (kept !== "") target.write(live = kept);
  };
  const step = (event: StepEvent) => {
    if (!target.tty) {
      if (isReported(event, plainLines)) target.write(`${stepLine({ event, left: keeper.left() })}\n`);
      return;
    }
    const now = clock();
    if (now - drawn < REDRAW_EVERY && event.step < event.steps) return;
    drawn = now;
    live = fit({ event, left: keeper.left() }, target.columns - 1);
    target.write(`\r\x1b[K${live}`);
  };

  return {
    line,
    close: clear,
    event(event) {
      keeper.event(event);
      switch (event.type) {
        case "start":
          return line(`${event.phase}: ${countOf(event.steps, "step")}, batch ${event.batch}`);
        case "resume":
          return line(`${event.phase}: goes on after step ${event.step}`);
        case "step":
          return step(event);
        case "validation": {
          const best = event.best ? ", the best so far" : "";
          const accuracy = `pixel accuracy ${withSign(event.pixelAccuracy)}`;
          return line(
            `${event.phase} step ${event.step}: validation ${meansText(event)}, ${accuracy}${best}`,
          );
        }
        case "note":
          return line(`${event.phase}: ${event.message}`);
        case "end":
          clear();
          drawn = -Infinity;
          return;
        case "checkpoint":
        case "diagnostics":
        case "failure":
          return;
      }
    },
  };
}

/** Whether a step gets a plain line: the first, the last, and one for each share of the steps. */
function isReported({ step, steps }: StepEvent, lines: number): boolean {
  if (step <= 1 || step >= steps) return true;
  return Math.floor(step * lines / steps) > Math.floor((step - 1) * lines / steps);
}

/** A step, and the time that is left after it. */
interface Shown {
  readonly event: StepEvent;
  readonly left: TimeLeft | undefined;
}

/** A step's numbers in one line. @param longest the most characters of a term's name */
function stepLine({ event, left }: Shown, longest = Infinity): string {
  const { rate, total, slowest } = event;
  const values = shownTerms(event).map(([name, value]) => `${name.slice(0, longest)} ${number(value)}`);
  return [
    counted(event),
    `${rate.toPrecision(3)} steps/s`,
    ...(left ? [`${leftText(left, "over ")} left`] : []),
    ...(slowest ? [slowestText(slowest)] : []),
    `total ${number(total)}`,
    ...values,
  ].join("  ");
}

/** `slowest: rank 3 (node2), 1.4 times the fastest` */
function slowestText({ rank, host, times }: SlowestProcess): string {
  return `slowest: rank ${rank} (${host}), ${times.toFixed(1)} times the fastest`;
}

/**
 * The same for a narrow terminal, with three letters of each term's name, since every term matters more than
 * its name.
 */
function narrowLine({ event, left }: Shown): string {
  const { rate, slowest } = event;
  const values = shownTerms(event).map(([name, value]) =>
    `${name.slice(0, 3)} ${Number(value.toPrecision(3))}`
  );
  return [
    counted(event),
    `${Number(rate.toPrecision(2))}/s`,
    ...(left ? [leftText(left, ">")] : []),
    ...(slowest ? [`rank ${slowest.rank} ${slowest.times.toFixed(1)}x`] : []),
    ...values,
  ].join(" ");
}

function counted({ phase, step, steps }: StepEvent): string {
  return `${phase} ${String(step).padStart(String(steps).length)}/${steps}`;
}

function leftText({ seconds, atLeast }: TimeLeft, more: string): string {
  return `${atLeast ? more : ""}${duration(seconds)}`;
}

/** The terms that are shown; those with a slash, as `association/layer4`, are details for the log. */
function shownTerms({ terms }: StepEvent): [string, number][] {
  return Object.entries(terms).filter(([name]) => !name.includes("/"));
}

/** The line at a width: names of terms are shortened first, then everything, and at last the line is cut. */
function fit(shown: Shown, width: number): string {
  let text = stepLine(shown);
  for (let longest = 16; text.length > width && longest >= 6; longest--) text = stepLine(shown, longest);
  if (text.length > width) text = narrowLine(shown);
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}

/** Three decimals, or one digit and an exponent where these would say little. */
function number(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 10_000) ? value.toExponential(1) : value.toFixed(3);
}

/** A time as `1:05:09` or `5:09`. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${hours > 0 ? String(minutes).padStart(2, "0") : minutes}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}
