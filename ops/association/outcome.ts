/**
 * Whether a cycle counts, and why not: it ends in another class than it began in, or its start has the ignore
 * label.
 */
export type CycleOutcome = "consistent" | "other class" | "ignored";

/**
 * @param ends the labels of the source pixels where a cycle starts and ends (Kang et al. 2020, section 3.2)
 */
export function cycleOutcome(
  [start, end]: readonly [number, number],
  ignoreLabel: number,
): CycleOutcome {
  if (start === ignoreLabel) return "ignored";
  return start === end ? "consistent" : "other class";
}
