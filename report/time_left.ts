/**
 * How long a run will still take: durations measured so far, times the work that is to come.
 *
 * Steps, validations and checkpoints are timed apart, each from the event before to its own. The first step
 * of a phase compiles kernels and fills caches, so it counts only as long as there is no other. What was
 * never measured (a later phase, the last evaluation) cannot be guessed; then the estimate is marked as a
 * lower bound.
 */
import type { TrainEvent } from "../core/events.ts";

/** What is known of a run beforehand. */
export interface Course {
  /** The phases, in order. */
  readonly phases: readonly PhaseCourse[];
  /** Whether there is something to validate on. */
  readonly validates: boolean;
  /** Whether the last weights are evaluated in another way than validations are. */
  readonly evaluatesOnce: boolean;
}

/** What is known beforehand of a phase. */
export interface PhaseCourse {
  readonly name: string;
  readonly steps: number;
  /** Steps between validations; 0: only at the end. */
  readonly validateEvery: number;
  /** Steps between checkpoints; 0: only at the end. */
  readonly checkpointEvery: number;
}

/** What is left of a run. */
export interface TimeLeft {
  readonly seconds: number;
  /** Whether something is still to come that was not measured yet. */
  readonly atLeast: boolean;
}

/** Looks at events as they come. */
export interface TimeKeeper {
  event(event: TrainEvent): void;
  /** Undefined until three steps of a phase, or five seconds of them, were timed, its first one left out. */
  left(): TimeLeft | undefined;
}

/** How many of the last durations of a kind of work are averaged. */
const WINDOW = 20;

/** An estimate needs so many timed steps, or so many milliseconds of them. */
const LEAST_STEPS = 3, LEAST_TIME = 5000;

/**
 * Looks at events as they come. @param course absent: only the steps of the present phase count @param clock
 * milliseconds
 */
export function timeKeeper(course: Course | undefined, clock: () => number): TimeKeeper {
  const durations = { step: [] as number[], validation: [] as number[], checkpoint: [] as number[] };
  let phase = "", steps = 0, done = 0, timed = 0, last = NaN;
  const push = (kind: keyof typeof durations, milliseconds: number) => {
    durations[kind].push(milliseconds);
    if (durations[kind].length > WINDOW) durations[kind].shift();
  };
  return {
    event(event) {
      const now = clock();
      const took = now - last;
      switch (event.type) {
        case "start":
          [phase, steps, done, timed] = [event.phase, event.steps, 0, 0];
          durations.step.length = 0;
          break;
        case "resume":
          done = event.step;
          break;
        case "step":
          [steps, done] = [event.steps, event.step];
          timed += 1;
          if (timed === 2) durations.step.length = 0;
          push("step", took);
          break;
        case "validation":
          push("validation", took);
          break;
        case "checkpoint":
          push("checkpoint", took);
          break;
      }
      last = now;
    },
    left() {
      const spent = durations.step.reduce((sum, milliseconds) => sum + milliseconds, 0);
      if (timed < 2 || (durations.step.length < LEAST_STEPS && spent < LEAST_TIME)) return undefined;
      const { phases = [], validates = false, evaluatesOnce = false } = course ?? {};
      const at = phases.findIndex(({ name }) => name === phase);
      const later = phases.slice(at + 1).map((each) => workOf(each, 0));
      const left = [phases[at] ? workOf(phases[at], done) : { ...NO_WORK, step: steps - done }, ...later];
      let seconds = 0, atLeast = later.length > 0 || (validates && evaluatesOnce);
      for (const kind of ["step", "validation", "checkpoint"] as const) {
        if (kind === "validation" && !validates) continue;
        const times = left.reduce((sum, work) => sum + work[kind], 0);
        const known = durations[kind];
        if (times > 0 && known.length === 0) atLeast = true;
        seconds += times * mean(known) / 1000;
      }
      return { seconds, atLeast };
    },
  };
}

const NO_WORK = { step: 0, validation: 0, checkpoint: 0 };

/** How often each kind of work is still to come in a phase after step `from`. */
function workOf({ steps, validateEvery, checkpointEvery }: PhaseCourse, from: number): typeof NO_WORK {
  // The one at `from` comes after the step, and the last step has one in any case.
  const count = (every: number) =>
    1 + (every === 0 ? 0 : Math.floor((steps - 1) / every) - Math.floor(Math.max(0, from - 1) / every));
  return { step: steps - from, validation: count(validateEvery), checkpoint: count(checkpointEvery) };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
