/**
 * Measures that say how good a network is without labels of the target, so that a snapshot can be chosen by
 * them. Choosing by labelled target images would be cheating: in domain adaptation these are for the final
 * number only. metrics/label_free.ts computes some of them.
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
