/**
 * Measures that say how well a network does without labels of the target, to choose a snapshot by: where labels of the target
 * are there, they are for the last number and not for choosing.
 */

/** One of the measures that are logged beside a validation. */
export interface LabelFreeMeasure {
  /** In events, as in `entropy`. */
  readonly name: string;
  /** In words. */
  readonly title: string;
  /** Which values are the better ones. */
  readonly better: "low" | "high";
}

/** Begins the names of their series in a run's log. */
export const LABEL_FREE_SERIES = "labelFree/";

/** All of them, in the order of tables. docs/evaluation.md has their formulas. */
export const LABEL_FREE: readonly LabelFreeMeasure[] = [
  { name: "entropy", title: "mean entropy", better: "low" },
  { name: "mutualInformation", title: "mutual information", better: "high" },
  { name: "neighbourhoodDensity", title: "soft neighbourhood density", better: "high" },
  { name: "consistentCycles", title: "consistent cycles", better: "high" },
];
