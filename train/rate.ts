/** Steps per second over a window of steps; what happens between `end` and `begin` does not count. */
export interface StepRate {
  begin(): void;
  /** Ends the step and returns the rate so far, in steps per second. @param leftOut milliseconds of it that do not count */
  end(leftOut?: number): number;
}

const WINDOW = 20;

/** A rate over the last 20 steps. */
export function stepRate(now: () => number = () => performance.now()): StepRate {
  const durations: number[] = [];
  let began = 0;
  return {
    begin() {
      began = now();
    },
    end(leftOut = 0) {
      durations.push(Math.max(0, now() - began - leftOut));
      if (durations.length > WINDOW) durations.shift();
      const total = durations.reduce((sum, milliseconds) => sum + milliseconds, 0);
      return total === 0 ? 0 : 1000 * durations.length / total;
    },
  };
}
