/**
 * How a run's networks predict and how predictions are compared with labels.
 *
 * There are two kinds of evaluation. Validation during training is the cheap one: one pass per image, the
 * whole image or windows. The evaluation at the end, and `plca eval`, do what the recipe asks for besides:
 * mirror, scales, aggregation, further checkpoints. Fields that only the second kind uses say so.
 */
import type { Similarity } from "./similarity.ts";

/** How images are resized, predicted and compared. */
export interface EvaluationPlan {
  /** Short side in pixels, or [height, width]; absent: size as read. */
  readonly size?: number | readonly [number, number];
  /**
   * `original`: probabilities are resized to the label file's size; `input`: labels are resized to the
   * input's.
   */
  readonly labelSize: "original" | "input";
  /** Absent: off. Used by `eval` and at the end of training, not by validation during training. */
  readonly aggregation?: AggregationPlan;
  /** What is measured without labels beside each validation during training; absent: nothing. */
  readonly labelFree?: {
    /** Compares features in cycles. */
    readonly similarity: Similarity;
  };
  /**
   * Whether the probabilities of an input and of its mirror are averaged; absent: no. Not in validation
   * during training.
   */
  readonly flip?: boolean;
  /**
   * Factors on the input's size whose probabilities are averaged; absent: 1 alone. Not in validation during
   * training.
   */
  readonly scales?: readonly number[];
  /** Absent: every input is predicted whole. */
  readonly window?: WindowPlan;
  /** At most this many images of the split; absent: all. */
  readonly limit?: number;
  /** The network that predicts; absent: the student. */
  readonly network?: string;
  /** Taps whose weighted sum is taken for the logits; absent: `logits` alone. */
  readonly heads?: readonly HeadPlan[];
  /**
   * Further checkpoints of the same network whose probabilities are averaged with its own, which has the
   * weight 1. Absent: none. Not in validation during training, and not in the evaluation of a baseline.
   */
  readonly ensemble?: readonly EnsembleMember[];
  /** `logits`: these are resized and averaged wherever else probabilities are. Absent: probabilities. */
  readonly average?: "logits";
}

/** A tap that serves as logits at inference, and its factor. */
export interface HeadPlan {
  /** A tap with a channel per class, before softmax. */
  readonly tap: string;
  /** Factor in the sum. */
  readonly weight: number;
}

/** A further checkpoint whose probabilities are averaged with the network's. */
export interface EnsembleMember {
  /** Absolute. */
  readonly checkpoint: string;
  /** Of its probabilities, beside 1 for the evaluated network's. */
  readonly weight: number;
}

/**
 * Windows that slide over an input, in the input's pixels as [height, width]; where windows overlap,
 * predictions are averaged.
 */
export interface WindowPlan {
  /** Of a window; an input that is smaller along a side is taken whole along that side. */
  readonly size: readonly [number, number];
  /** From one window to the next, at most their size. */
  readonly stride: readonly [number, number];
}

/** Spatial aggregation at inference (the paper's section 3.5). */
export interface AggregationPlan {
  /** Share of the aggregated value, in [0, 1]. */
  readonly alpha: number;
  /** Compares the feature tap's pixels. */
  readonly features: Similarity;
  /** Compares class probabilities. */
  readonly predictions: Similarity;
}
