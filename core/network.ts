/**
 * The vocabulary of networks beside the trained one: teachers that follow it, frozen ones, ones that an owner
 * trains. What such a network does is said by two things: where its weights come from, and how it moves
 * between steps ({@linkcode NetworkPlan.follow}: an average of the student that the trainer makes; {@linkcode
 * NetworkPlan.update}: anything else).
 */
import type { Segmenter } from "./model.ts";

/** A network beside the student. */
export interface NetworkPlan {
  /**
   * What its passes use: the batch's statistics, if its model's policy is to use them, or the running ones.
   */
  readonly training: boolean;
  /**
   * Its weights whenever a phase begins, from the seed or from another phase: the student's, or those of a
   * file that the recipe names.
   */
  readonly start: "student" | "weights";
  /** Whether what its own passes change of its running statistics is applied; absent: no. */
  readonly ownStatistics?: boolean;
  /** Whether an owner may train it; gradients then flow through its views. Absent: no. */
  readonly trainable?: boolean;
  /** Whether it changes, so that it belongs into checkpoints; a trainable one always does. Absent: no. */
  readonly changes?: boolean;
  /** When it moves: ahead of the student's update, or following it. Absent: `after`. */
  readonly when?: "before" | "after";
  /**
   * How it follows the student; the trainer makes the average, in place where the backend can. Asked at the
   * beginning of every step.
   * @returns undefined: it stays as it is in this step
   */
  follow?(clock: { readonly step: number; readonly steps: number }): Following | undefined;
  /**
   * Moves it in any other way, after what `follow` asks for. Runs in a tidy scope of its own. Since it may
   * fail once the student is updated, a step with one keeps a copy of all that it updates; `follow` costs
   * none.
   */
  update?(networks: NetworkPair, clock: { readonly step: number; readonly steps: number }): void;
}

/** A network and the one it follows; their parameters and buffers are aligned where `start` is `student`. */
export interface NetworkPair {
  /** The network itself. */
  readonly network: Segmenter;
  /** The trained one. */
  readonly student: Segmenter;
}

/** Shares of a network's own values that stay, in [0, 1]; the rest comes from the student. */
export interface Following {
  /** Of every parameter; 0 copies the student. */
  readonly parameters: number;
  /** Of every buffer; absent: they stay. */
  readonly buffers?: number;
}
