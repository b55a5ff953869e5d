/** The interface of logs beside `events.jsonl`, such as TensorBoard's. */
import type { Evaluation, TrainEvent } from "../core/events.ts";
import type { ValidatedImage } from "./tensorboard/picture.ts";

export type { ValidatedImage } from "./tensorboard/picture.ts";

/** A log of a run. Everything that it is given belongs to the phase of the last event. */
export interface RunLogger {
  /** Takes an event; of steps only those that are logged come. */
  event(event: TrainEvent): void;
  /** How many images of a validation it wants, the first ones. */
  readonly pictures: number;
  picture(image: ValidatedImage & { readonly step: number; readonly index: number }): void;
  /** Whether it wants the distribution of all weights after this step. */
  wantsHistograms(step: number): boolean;
  histogram(weights: { readonly step: number; readonly name: string; readonly values: Float32Array }): void;
  /** The evaluation after a phase's last step, as the recipe's `evaluation` says. */
  evaluation(step: number, evaluation: Evaluation): void;
  close(): void;
}
