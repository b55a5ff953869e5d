/** How long a run will take: what was measured of it so far, for what is to come. */
import type { TrainEvent } from "../core/events.ts";

/** What is known beforehand of a run. */
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

/** Of the last durations of a kind of work. */
const WINDOW = 20;

/** From a step or two of a few milliseconds nothing follows. */
const LEAST_STEPS = 3, LEAST_TIME = 5000;

/**
 * Steps, validations and checkpoints are timed from the event before to theirs. The first step of a phase compiles and fills
 * caches: it counts only as long as there is no other. Every step of a later phase takes at least as long as those of this one.
 * @param clock milliseconds
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

/** How often each kind of work comes after step `from` of a phase. */
function workOf({ steps, validateEvery, checkpointEvery }: PhaseCourse, from: number): typeof NO_WORK {
  // The one at `from` comes after the step, and the last step has one in any case.
  const count = (every: number) =>
    1 + (every === 0 ? 0 : Math.floor((steps - 1) / every) - Math.floor(Math.max(0, from - 1) / every));
  return { step: steps - from, validation: count(validateEvery), checkpoint: count(checkpointEvery) };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
