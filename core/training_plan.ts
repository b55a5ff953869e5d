/**
 * The lengths and intervals of a phase's loop, and what is measured beside some of its steps. `train/loop.ts`
 * follows them.
 */

/**
 * Lengths and intervals of the training loop. A step is one update; it takes `accumulation` passes of `batch`
 * images of each domain.
 */
export interface TrainingPlan {
  /** Optimiser updates. */
  readonly steps: number;
  /** Images per domain per forward pass. */
  readonly batch: number;
  /** Forward passes whose gradients are averaged into one update. */
  readonly accumulation: number;
  /** Steps between validations; 0: only at the end. */
  readonly validateEvery: number;
  /** Steps between writes of the `last` checkpoint; 0: only at the end. */
  readonly checkpointEvery: number;
  /**
   * Largest Euclidean norm of the network's gradient in an update; a larger one is scaled to it. Absent: any.
   */
  readonly clipNorm?: number;
  /** How many of the latest checkpoints are kept, beside the best one. */
  readonly keepCheckpoints: number;
  /** Steps between `step` lines in the event log. */
  readonly logEvery: number;
  /** What is measured beside some of the steps; changes no number of the run. Absent: nothing. */
  readonly diagnostics?: DiagnosticsPlan;
}

/** What `training.diagnostics` can measure. */
export const MEASURES = ["terms", "entropy", "gradients", "seconds", "memory"] as const;

/** One of {@linkcode MEASURES}. */
export type Measure = (typeof MEASURES)[number];

/**
 * What is measured beside some of the steps, as {@linkcode DiagnosticsEvent} reports it; measuring changes no
 * number of the run.
 */
export interface DiagnosticsPlan {
  /** Steps from one measurement to the next. */
  readonly every: number;
  /** At least one. */
  readonly measure: readonly Measure[];
  /** Whether the target's labels are read for what terms measure of themselves; they reach nothing else. */
  readonly targetLabels: boolean;
}
