/**
 * From predictions to pseudo-labels: a threshold for each class, and what becomes of a pixel's probabilities.
 * Pure functions.
 *
 * Which pixels deserve a label? One threshold for all classes would leave rare and difficult classes without
 * any, because the network is less sure of them. So thresholds are relative to the class: reached by the
 * surest share of its pixels (Zou et al. 2018), or at most the median of its confidences (Li et al. 2019).
 * `relativeLabels` goes further: a difficult class wins a pixel in which it is near its own threshold.
 */
import type { Confidences } from "./confidences.ts";

/** How the thresholds are found. */
export type ThresholdRule =
  /** So that a share of the most confident pixels of each class reaches it (Zou et al. 2018). */
  | { readonly kind: "portion"; readonly share: number }
  /** The quantile of each class's confidences, at most `cap` (Li et al. 2019: the median, 0.9). */
  | { readonly kind: "quantile"; readonly share: number; readonly cap: number }
  /** The same for all. */
  | { readonly kind: "fixed"; readonly confidence: number };

/**
 * A threshold for each class, in 0..1. For a class that was never predicted, or of which the portion is less
 * than one pixel, it is 1 (`quantile`: the cap): no pixel, or only a certain one, reaches it.
 */
export function thresholdsOf(rule: ThresholdRule, confidences: readonly Confidences[]): Float32Array {
  return Float32Array.from(confidences, (of) => {
    switch (rule.kind) {
      case "portion":
        return of.descending(Math.floor(rule.share * of.count) - 1) ?? 1;
      case "quantile":
        return Math.min(
          rule.cap,
          of.ascending(Math.min(of.count - 1, halfToEven(rule.share * of.count))) ?? 1,
        );
      case "fixed":
        return rule.confidence;
    }
  });
}

/** Rounds halves to the even neighbour, as the recorded programs do. */
function halfToEven(value: number): number {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 === 1 ? near - 1 : near;
}

/** The probabilities of some pixels, and the thresholds. */
export interface Pixels {
  /** float32, pixels x classes. */
  readonly probabilities: Float32Array;
  /** The threshold of each class. */
  readonly thresholds: Float32Array;
}

/**
 * The class with the largest probability, if that reaches the class's threshold; else the ignore label.
 * @returns an id for each pixel
 */
export function ownLabels({ probabilities, thresholds }: Pixels, ignoreLabel: number): Uint8Array {
  return winners({ probabilities, thresholds }, ignoreLabel, (p) => p);
}

/**
 * The class with the largest ratio of probability to threshold, if that is at least 1; else the ignore label
 * (Zou et al. 2018). @returns an id for each pixel
 */
export function relativeLabels({ probabilities, thresholds }: Pixels, ignoreLabel: number): Uint8Array {
  return winners({ probabilities, thresholds }, ignoreLabel, (p, lambda) => Math.fround(p / lambda));
}

/** The class with the largest score, if its probability reaches its threshold; of equal scores the first. */
function winners(
  { probabilities, thresholds }: Pixels,
  ignoreLabel: number,
  score: (probability: number, threshold: number) => number,
): Uint8Array {
  const classes = thresholds.length;
  return Uint8Array.from({ length: probabilities.length / classes }, (_, pixel) => {
    let best = -Infinity, label = 0;
    for (let id = 0; id < classes; id++) {
      const value = score(probabilities[pixel * classes + id]!, thresholds[id]!);
      if (value > best) best = value, label = id;
    }
    return probabilities[pixel * classes + label]! >= thresholds[label]! ? label : ignoreLabel;
  });
}

/** Smaller probabilities are raised to this, because their logarithm is needed. */
const LEAST = 1e-20;

/**
 * Soft pseudo-labels (Zou et al. 2019, LRENT): the distributions proportional to (p / threshold)^(1 / alpha),
 * where they cost less than ignoring the pixel: sum(-soft log p + alpha soft log soft) < sum(-soft log
 * threshold); else zeros. A small alpha gives nearly hard labels.
 * @returns float32, pixels x classes
 */
export function softLabels({ probabilities, thresholds }: Pixels, alpha: number): Float32Array {
  const classes = thresholds.length;
  const out = new Float32Array(probabilities.length);
  const logThresholds = thresholds.map((lambda) => Math.log(lambda));
  const scores = new Float64Array(classes), logs = new Float64Array(classes);
  for (let at = 0; at < probabilities.length; at += classes) {
    let highest = -Infinity;
    for (let id = 0; id < classes; id++) {
      logs[id] = Math.log(Math.max(LEAST, probabilities[at + id]!));
      scores[id] = (logs[id]! - logThresholds[id]!) / alpha;
      highest = Math.max(highest, scores[id]!);
    }
    let whole = 0;
    for (let id = 0; id < classes; id++) whole += Math.exp(scores[id]! - highest);
    const logWhole = highest + Math.log(whole);
    let price = 0, ignoring = 0;
    for (let id = 0; id < classes; id++) {
      const logShare = scores[id]! - logWhole, share = Math.exp(logShare);
      out[at + id] = share;
      price += share * (alpha * logShare - logs[id]!);
      ignoring -= share * logThresholds[id]!;
    }
    if (price >= ignoring) out.fill(0, at, at + classes);
  }
  return out;
}
