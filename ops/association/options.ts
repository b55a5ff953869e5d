import type * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import type { World } from "../../core/world.ts";

/** How `associationLoss` compares pixels, and which loss it takes. */
export interface AssociationOptions {
  readonly similarity: Similarity;
  /** Contrast-normalise the similarities (Eq. 5-6); without it, a plain softmax. */
  readonly contrast: boolean;
  /**
   * `contrastive`: Eq. 4 and 10, a softmax against all other pixels; `direct`: the similarities D(i, j*) and
   * D(j*, i*) themselves are raised, without normalisation (the paper's Sim-PLCA).
   */
  readonly objective: "contrastive" | "direct";
  /** Source pixels with this label start no cycle. */
  readonly ignoreLabel: number;
  /** The processes that have the other pairs of the batch; absent: there are none. */
  readonly world?: World | undefined;
}

/** The loss and what it was computed over. */
export interface AssociationResult {
  /** float32: the mean over the associated pixels of all images together; 0 when there are none. */
  readonly loss: tf.Scalar;
  /** float32: the share of all source pixels that are associated, in [0, 1]; carries no gradient. */
  readonly associated: tf.Scalar;
}

/** How `aggregate` mixes pixels. */
export interface AggregationOptions {
  readonly similarity: Similarity;
  /** Share of the aggregated value, in [0, 1]; 0 leaves `x` as it is. */
  readonly alpha: number;
  /** Contrast-normalise the similarities before the softmax. */
  readonly contrast: boolean;
}
