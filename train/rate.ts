/** Steps per second over a window of steps; what happens between `end` and `begin` does not count. */
export interface StepRate {
  begin(): void;
  /** Ends the step and returns the rate so far, in steps per second. */
  end(): number;
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
    end() {
      durations.push(now() - began);
      if (durations.length > WINDOW) durations.shift();
      const total = durations.reduce((sum, milliseconds) => sum + milliseconds, 0);
      return total === 0 ? 0 : 1000 * durations.length / total;
    },
  };
}
