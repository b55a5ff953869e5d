/**
 * The parts of class-mixing: which label values an image holds, which of them are drawn, the mask of their
 * pixels, and the paste. All of it stays on the device: which classes are present is never read, so the draw
 * is done by ranks (`drawHalf`).
 *
 * class_mix.ts pastes by it, teacher_labels.ts takes the weights of pixels from it. A value that is read
 * here would stop the device once a step.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Images } from "../core/plugin.ts";
import type { Random } from "../core/random.ts";
import { drawnForOwn, type Place, solo, type World } from "../core/world.ts";

/** Where present label values are looked for: in each image, or in the whole batch. */
export type Scope = "image" | "batch";

/**
 * float32 [N, K + 1]: 1 where the image (`batch`: any image) holds the label value. All ids from K on (the
 * ignore label) count together as one value, the last.
 * @param labels int32 [N, H, W], not negative
 */
export function presentLabels(
  labels: tf.Tensor3D,
  classes: number,
  scope: Scope,
  world: World = solo,
): tf.Tensor2D {
  return tf.tidy(() => {
    const [n, h, w] = labels.shape;
    const ids = tf.reshape(known(labels, classes), [n * h * w]) as tf.Tensor1D;
    const each = tf.max(tf.reshape(tf.cast(tf.oneHot(ids, classes + 1), "float32"), [n, h * w, -1]), 1);
    const all = scope === "image" ? each : tf.tile(tf.max(world.joined(each), 0, true), [n, 1]);
    return all as tf.Tensor2D;
  });
}

/**
 * float32 [N, K + 1]: 1 for ceil(k / 2) of the k values that are present in a row, drawn without repetition.
 * Every value gets a place in a random order; those that are absent get 0, and the ceil(k / 2) of the highest
 * places win. No value is read, so it works within a step on every backend.
 * @param present float32 [N, K + 1], 0 or 1
 */
export function drawHalf(present: tf.Tensor2D, random: Random, world: Place = solo): tf.Tensor2D {
  return tf.tidy(() => {
    const [n, values] = present.shape;
    const orders = drawnForOwn(n, world, () => [...random.permutation(values)]);
    // Places count from 1, so all present values come before the absent ones.
    const scores = tf.mul(present, tf.add(tf.tensor2d(orders, [n, values], "float32"), 1));
    const higher = tf.greater(tf.expandDims(scores, 1), tf.expandDims(scores, 2));
    const rank = tf.sum(tf.cast(higher, "float32"), 2);
    const half = tf.floor(tf.mul(tf.add(tf.sum(present, 1, true), 1), 0.5));
    return tf.mul(present, tf.cast(tf.less(rank, half), "float32")) as tf.Tensor2D;
  });
}

/**
 * float32 [N, H, W]: 1 where the label is one of those chosen in its image.
 * @param labels int32 [N, H, W] @param chosen float32 [N, K + 1], of {@linkcode drawHalf}
 */
export function maskOf(labels: tf.Tensor3D, chosen: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => {
    const [n, values] = chosen.shape;
    const firsts = tf.tensor3d(Array.from({ length: n }, (_, k) => k * values), [n, 1, 1], "int32");
    const at = tf.cast(tf.add(known(labels, values - 1), firsts), "int32");
    return tf.gather(tf.reshape(chosen, [n * values]) as tf.Tensor, at) as tf.Tensor3D;
  });
}

/** The labels with all ids from K on as K. */
function known(labels: tf.Tensor3D, classes: number): tf.Tensor3D {
  return tf.cast(tf.minimum(labels, tf.scalar(classes, "int32")), "int32");
}

/** Labels that a network gives, and how much they count. */
export interface TrustedLabels extends Required<Pick<Images, "labels" | "weights">> {
  /** float32, in [0, 1]: the share of all pixels of the batch of which the network is sure. */
  readonly sure: tf.Scalar;
}

/**
 * The most probable class of every pixel (Tranheden et al. 2021). All pixels have the same weight: the share
 * of all pixels of the batch whose class has at least the threshold's probability; in the rows that do not
 * count it is 0. So unsure pixels are learned from too, but the whole batch counts little while the teacher
 * is unsure.
 * @param probabilities float32 [N, H, W, K] @returns labels int32 and weights float32 [N, H, W]
 */
export function trustedLabels(
  probabilities: tf.Tensor4D,
  { threshold, ignoreTop, ignoreBottom, world = solo }: Trust,
): TrustedLabels {
  return tf.tidy(() => {
    const own = tf.mean(tf.cast(tf.greaterEqual(tf.max(probabilities, -1), threshold), "float32"));
    const sure = world.mean([own])[0] as tf.Scalar;
    const [n, height, width] = probabilities.shape;
    const counted = tf.mul(sure, countedRows(height, ignoreTop, ignoreBottom));
    return {
      labels: tf.cast(tf.argMax(probabilities, -1), "int32") as tf.Tensor3D,
      weights: tf.mul(tf.ones([n, height, width]), counted) as tf.Tensor3D,
      sure,
    };
  });
}

/** What is pasted and over what; all have the same N, H and W. */
export interface Pasting {
  readonly source: Required<Pick<Images, "pixels" | "labels" | "weights">>;
  readonly target: Required<Pick<Images, "pixels" | "labels" | "weights">>;
  /** float32 [N, H, W]: 1 on source pixels. */
  readonly mask: tf.Tensor3D;
}

/** Pixels, labels and weights of the source where the mask is 1, of the target elsewhere. */
export function paste(
  { source, target, mask }: Pasting,
): Required<Pick<Images, "pixels" | "labels" | "weights">> {
  return tf.tidy(() => {
    const over = (pasted: tf.Tensor, under: tf.Tensor, where: tf.Tensor = mask) =>
      tf.add(tf.mul(pasted, where), tf.mul(under, tf.sub(1, where)));
    const labels = over(tf.cast(source.labels, "float32"), tf.cast(target.labels, "float32"));
    return {
      pixels: over(source.pixels, target.pixels, tf.expandDims(mask, 3)) as tf.Tensor4D,
      labels: tf.cast(labels, "int32") as tf.Tensor3D,
      weights: over(source.weights, target.weights) as tf.Tensor3D,
    };
  });
}

/** What is mixed; all have the same N, H and W. */
export interface Mixture {
  readonly source: Required<Pick<Images, "pixels" | "labels">>;
  readonly target: Pick<Images, "pixels">;
  /** float32 [N, H, W, K]: the teacher's logits of the target, at the images' size. */
  readonly logits: tf.Tensor4D;
  /** float32 [N, H, W]: 1 on source pixels. */
  readonly mask: tf.Tensor3D;
}

/** How much target pixels count. */
export interface Trust {
  /** Probability from which the teacher counts as sure. */
  readonly threshold: number;
  /** Rows at the top that do not count. */
  readonly ignoreTop: number;
  /** Rows at the bottom that do not count. */
  readonly ignoreBottom: number;
  /** The processes that have the other images of the batch; absent: there are none. */
  readonly world?: World;
}

/**
 * The mixed images (Olsson et al. 2021, Tranheden et al. 2021). Source pixels have their labels and the
 * weight 1; target pixels have the labels and weights of {@linkcode trustedLabels}. `values.sure` is the
 * share of pixels of which the teacher is sure.
 */
export function mixImages(
  { source, target, logits, mask }: Mixture,
  trust: Trust,
): Required<Omit<Images, "soft" | "hide">> {
  return tf.tidy(() => {
    const { labels, weights, sure } = trustedLabels(tf.softmax(logits), trust);
    const pasted = paste({
      source: { ...source, weights: tf.onesLike(weights) },
      target: { ...target, labels, weights },
      mask,
    });
    return { ...pasted, values: { sure } };
  });
}

/** 1 for rows that count, 0 for the others: float32 [1, H, 1]. */
function countedRows(height: number, top: number, bottom: number): tf.Tensor3D {
  const rows = Array.from({ length: height }, (_, row) => Number(row >= top && row < height - bottom));
  return tf.tensor3d(rows, [1, height, 1]);
}
