/**
 * What an association compares at one place in the network: the same in training, in diagnostics and in the
 * explorer.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AssociationLevel } from "../../core/plugin.ts";
import { aggregate } from "./aggregation.ts";
import { nearestLabels } from "../nearest.ts";

/** A tap of both passes, and the source's labels. */
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
  /** float32 [N, Q, C]: the target's own */
  readonly raw: tf.Tensor3D;
  /** float32 [N, Q, C]: the target's, mixed where the level aggregates */
  readonly candidates: tf.Tensor3D;
  /** int32 [N, P]: the source's, by the nearest pixel */
  readonly labels: tf.Tensor2D;
}

/** Flattens a level's taps, aggregates the target and brings the labels to the source's size. */
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
