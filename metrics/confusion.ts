/**
 * Counting labelled pixels: the confusion matrix and what follows from it. Plain numbers, no tensors.
 *
 * IoU and accuracy come from one matrix: row = label, column = prediction, an entry the number of pixels. It
 * is summed over all images of a split *before* anything is divided, so the mIoU is that of the whole split,
 * as papers report it, and not a mean over images. Counts are float64, exact up to 2^53 pixels.
 *
 * Ignored pixels are in no row. Hence they never count as false positives either: a car predicted where
 * nothing is labelled costs nothing.
 */

/** Pixels by label (row) and prediction (column). Mutable: {@linkcode countPixels} adds to it. */
export interface Confusion {
  /** The number of classes. */
  readonly classes: number;
  /** `counts[label * classes + prediction]` */
  readonly counts: Float64Array;
}

/** Pixels to count. */
export interface PixelLabels {
  /** Train ids, or `ignore`. */
  readonly labels: ArrayLike<number>;
  /** Class ids in 0 .. classes - 1, one per label. */
  readonly predictions: ArrayLike<number>;
  /** Pixels with this label count nowhere. */
  readonly ignore: number;
}

/** A matrix of zeros, classes x classes. */
export function emptyConfusion(classes: number): Confusion {
  return { classes, counts: new Float64Array(classes * classes) };
}

/**
 * Adds pixels to `confusion` in place; pixels with the label `ignore` are skipped, an empty list adds
 * nothing.
 * @throws RangeError when the lengths differ, or a label or prediction lies outside the classes
 */
export function countPixels(confusion: Confusion, { labels, predictions, ignore }: PixelLabels): void {
  const { classes, counts } = confusion;
  if (labels.length !== predictions.length) {
    throw new RangeError(`${labels.length} labels, but ${predictions.length} predictions`);
  }
  for (let k = 0; k < labels.length; k++) {
    const label = labels[k]!;
    if (label === ignore) continue;
    const prediction = predictions[k]!;
    if (!(label >= 0 && label < classes && prediction >= 0 && prediction < classes)) {
      throw new RangeError(
        `label ${label} with prediction ${prediction} at pixel ${k}; expected ids in 0..${classes - 1}`,
      );
    }
    counts[label * classes + prediction]! += 1;
  }
}

/**
 * Intersection over union of each class, TP / (TP + FP + FN), in 0..1. Null where the class is in neither the
 * labels nor the predictions: there is nothing to be right or wrong about.
 */
export function classIou({ classes, counts }: Confusion): (number | null)[] {
  return Array.from({ length: classes }, (_, id) => {
    let labelled = 0, predicted = 0;
    for (let other = 0; other < classes; other++) {
      labelled += counts[id * classes + other]!;
      predicted += counts[other * classes + id]!;
    }
    const both = counts[id * classes + id]!;
    const union = labelled + predicted - both;
    return union === 0 ? null : both / union;
  });
}

/**
 * The mean over the classes whose IoU is not null, in 0..1; null when there is none. A class that is
 * predicted but never labelled counts with 0.
 */
export function meanIou(iou: readonly (number | null)[]): number | null {
  const present = iou.filter((value) => value !== null);
  return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
}

/**
 * The share of labelled pixels with the right class, in 0..1; null when no pixel is labelled. Large classes
 * dominate it.
 */
export function pixelAccuracy({ classes, counts }: Confusion): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let right = 0;
  for (let id = 0; id < classes; id++) right += counts[id * classes + id]!;
  return total === 0 ? null : right / total;
}

/** The matrix as nested arrays, [label][prediction]. */
export function confusionRows({ classes, counts }: Confusion): number[][] {
  return Array.from({ length: classes }, (_, id) => [...counts.subarray(id * classes, (id + 1) * classes)]);
}
