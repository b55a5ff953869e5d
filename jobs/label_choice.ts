/**
 * Which pixels get a pseudo-label, and which one. The job `pseudo-labels` calls `thresholdsOf` once, with the
 * confidences of the whole dataset, and then one of `ownLabels`, `relativeLabels` and `softLabels` for the
 * pixels of each image. Pure functions.
 *
 * With one threshold for all classes, rare and difficult classes would get no labels, because the network is
 * less sure of them. So each class has a threshold of its own: the confidence that the surest share of its
 * pixels reaches (Zou et al. 2018), or the median of its confidences (Li et al. 2019). `relativeLabels` goes
 * further: it compares each probability with the threshold of its class, so a difficult class with a low
 * threshold can win a pixel from a class that is more probable there.
 */
import type { Confidences } from "./confidences.ts";

/** How the thresholds are found. */
export type ThresholdRule =
  /** `share` of the pixels of each class reach it, the most confident ones (Zou et al. 2018). */
  | { readonly kind: "portion"; readonly share: number }
  /**
   * The confidence below which `share` of each class's pixels lie, at most `cap` (Li et al. 2019: share 0.5,
   * the median, and cap 0.9).
   */
  | { readonly kind: "quantile"; readonly share: number; readonly cap: number }
  /** The same for all. */
  | { readonly kind: "fixed"; readonly confidence: number };

/**
 * A threshold for each class, in 0..1. `portion` gives 1, which only a probability of 1 reaches, to a class
 * that was never predicted or of which the share is less than one pixel; `quantile` gives a class
 * that was never predicted the cap.
 * @param confidences by class, of the pixels that the network took for it
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

/** Rounds halves to the even neighbour, as NumPy does, which Li et al. use. */
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

/** Smaller probabilities are raised to this before their logarithm is taken. */
const LEAST_PROBABILITY = 1e-20;

/**
 * Soft pseudo-labels (Zou et al. 2019, LRENT). The label of a pixel is the distribution
 * soft = (p / threshold)^(1 / alpha), scaled to the sum 1; a small alpha gives nearly hard labels. The pixel
 * keeps it if that costs less than to ignore the pixel, that is if
 *
 *   sum(-soft log p + alpha soft log soft) < sum(-soft log threshold)
 *
 * and has zeros otherwise.
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
      logs[id] = Math.log(Math.max(LEAST_PROBABILITY, probabilities[at + id]!));
      scores[id] = (logs[id]! - logThresholds[id]!) / alpha;
      highest = Math.max(highest, scores[id]!);
    }
    let sum = 0;
    for (let id = 0; id < classes; id++) sum += Math.exp(scores[id]! - highest);
    const logSum = highest + Math.log(sum);
    // The two sides of the inequality.
    let labelling = 0, ignoring = 0;
    for (let id = 0; id < classes; id++) {
      const logShare = scores[id]! - logSum, share = Math.exp(logShare);
      out[at + id] = share;
      labelling += share * (alpha * logShare - logs[id]!);
      ignoring -= share * logThresholds[id]!;
    }
    if (labelling >= ignoring) out.fill(0, at, at + classes);
  }
  return out;
}
