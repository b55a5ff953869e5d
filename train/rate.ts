/**
 * Steps per second. Only the time between `begin` and `end` counts, so validations and checkpoints do not
 * make a run look slow. The first step, which compiles and fills caches, counts only until there is a second
 * one.
 *
 * The loop has one for what it shows, pace.ts one for the comparison of processes.
 */
export interface StepRate {
  /** Begins a step. */
  begin(): void;
  /**
   * Ends the step and returns the rate so far, in steps per second; 0 where no time has passed.
   * @param leftOut milliseconds of the step that do not count; default 0
   */
  end(leftOut?: number): number;
}

/** Number of steps over which the mean is taken. */
const WINDOW = 20;

/** A rate over the last 20 steps. @param now the time in milliseconds; another clock for tests */
export function stepRate(now: () => number = () => performance.now()): StepRate {
  const durations: number[] = [];
  let began = 0, steps = 0;
  return {
    begin() {
      began = now();
    },
    end(leftOut = 0) {
      if (++steps === 2) durations.length = 0;
      durations.push(Math.max(0, now() - began - leftOut));
      if (durations.length > WINDOW) durations.shift();
      const total = durations.reduce((sum, milliseconds) => sum + milliseconds, 0);
      return total === 0 ? 0 : 1000 * durations.length / total;
    },
  };
}
