/**
 * A level: one place in the network (a tap) where pixels are associated, and how. This file turns the taps of
 * a level into what is compared: maps are flattened to rows of pixels, the target's pixels are aggregated if
 * the level says so, and the labels are brought to the tap's size. Training, diagnostics and the explorer all
 * go through it, so that they compare the same pixels.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Exhibit, Similarity } from "../../core/plugin.ts";
import { aggregate } from "./aggregation.ts";
import { nearestLabels } from "../nearest.ts";

/** A place in the network where a term associates pixels by cycles (Kang et al. 2020), and how. */
export interface AssociationLevel extends Exhibit {
  readonly kind: "association";
  /** Unique in its term, as in `layer4`. */
  readonly label: string;
  /** The tap whose pixels are compared. */
  readonly tap: string;
  /** How two pixels are compared. */
  readonly similarity: Similarity;
  /** The similarity's name in the recipe. */
  readonly similarityName: string;
  /** Whether similarities are contrast-normalised before the softmax (Eq. 5-6). */
  readonly contrast: boolean;
  /** How the target's pixels are mixed before they are compared (Eq. 7-8); absent: not at all. */
  readonly aggregation?: LevelAggregation;
}

/** Spatial aggregation of a level's target. */
export interface LevelAggregation {
  /** Share of the aggregated value, in [0, 1] (Eq. 7). */
  readonly alpha: number;
  /** Whether its similarities are contrast-normalised. */
  readonly contrast: boolean;
}

/** The levels of associations among a term's exhibits. */
export function associationLevels(exhibits: readonly Exhibit[] = []): readonly AssociationLevel[] {
  return exhibits.filter((exhibit): exhibit is AssociationLevel => exhibit.kind === "association");
}

/**
 * Whether the weights of the aggregation are contrast-normalised if a recipe does not say: yes for features;
 * no for probabilities, whose aggregation is a plain softmax in the published code.
 */
export function contrastByDefault({ accepts }: Pick<Similarity, "accepts">): boolean {
  return accepts !== "simplex";
}

/** The tap in both images, and the source's labels. Source and target may differ in size. */
export interface LevelTaps {
  /** float32 [N, h, w, C] */
  readonly source: tf.Tensor4D;
  /** float32 [N, h', w', C] */
  readonly target: tf.Tensor4D;
  /** int32 [N, H, W], of the source */
  readonly labels: tf.Tensor3D;
}

/** The pixels that are compared, of P in a source and Q in a target. */
export interface LevelPixels {
  /** float32 [N, P, C], of the source */
  readonly from: tf.Tensor3D;
  /** float32 [N, Q, C], of the target, before aggregation */
  readonly raw: tf.Tensor3D;
  /** float32 [N, Q, C], of the target, aggregated if the level aggregates; otherwise `raw` */
  readonly candidates: tf.Tensor3D;
  /** int32 [N, P]: the label of each source pixel, that of the nearest pixel of the label map */
  readonly labels: tf.Tensor2D;
}

/**
 * Flattens a level's taps, aggregates the target, and picks for every source pixel the label of the nearest
 * pixel. With P = h w and Q = h' w'. Gradients flow back to both taps.
 */
export function levelPixels(
  taps: LevelTaps,
  { similarity, aggregation }: Pick<AssociationLevel, "similarity" | "aggregation">,
): LevelPixels {
  const [n, height, width] = taps.source.shape;
  const labels = tf.reshape(nearestLabels(taps.labels, [height, width]), [n, height * width]) as tf.Tensor2D;
  const raw = pixels(taps.target);
  return {
    from: pixels(taps.source),
    raw,
    candidates: aggregation === undefined ? raw : aggregate(raw, { similarity, ...aggregation }),
    labels,
  };
}

/** [N, H, W, C] as [N, H * W, C] */
function pixels(x: tf.Tensor4D): tf.Tensor3D {
  const [n, height, width, channels] = x.shape;
  return tf.reshape(x, [n, height * width, channels]);
}
