/** The vocabulary of networks beside the trained one: teachers that follow it, frozen ones, ones that an owner trains. */
import type { Segmenter } from "./model.ts";

/** A network beside the student. */
export interface NetworkPlan {
  /** What its passes use: the batch's statistics, if its model's policy is to use them, or the running ones. */
  readonly training: boolean;
  /** Its weights whenever a phase begins, from the seed or from another phase: the student's, or those of a file that the recipe names. */
  readonly start: "student" | "weights";
  /** Whether what its own passes change of its running statistics is applied; absent: no. */
  readonly ownStatistics?: boolean;
  /** Whether an owner may train it; gradients then flow through its views. Absent: no. */
  readonly trainable?: boolean;
  /** Whether it changes, so that it belongs into checkpoints; a trainable one always does. Absent: no. */
  readonly changes?: boolean;
  /** When `update` is called: ahead of the student's update, or following it. Absent: `after`. */
  readonly when?: "before" | "after";
  /** Moves it, as an average of the student. Runs in a tidy scope of its own. */
  update?(networks: NetworkPair, clock: { readonly step: number; readonly steps: number }): void;
}

/** A network and the one it follows; their parameters and buffers are aligned where `start` is `student`. */
export interface NetworkPair {
  /** The network itself. */
  readonly network: Segmenter;
  /** The trained one. */
  readonly student: Segmenter;
}
