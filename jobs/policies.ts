/** From predictions to labels: thresholds by class, and what becomes of a pixel's probabilities. Pure. */
import type { Confidences } from "./confidences.ts";

/** How thresholds are found. */
export type ThresholdRule =
  /** So that a share of the most confident pixels of each class reaches it (Zou et al. 2018). */
  | { readonly kind: "portion"; readonly share: number }
  /** The quantile of each class's confidences, at most `cap` (Li et al. 2019: the median, 0.9). */
  | { readonly kind: "quantile"; readonly share: number; readonly cap: number }
  /** The same for all. */
  | { readonly kind: "fixed"; readonly confidence: number };

/**
 * A threshold for each class, in 0..1. Of a class that is never predicted, or of which a portion is less than
 * one pixel, it is 1 (`quantile`: the cap).
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

/** Rounds as the recorded programs do. */
function halfToEven(value: number): number {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 === 1 ? near - 1 : near;
}

/** Probabilities of some pixels, and where their thresholds are. */
export interface Pixels {
  /** float32, a value for each class a pixel. */
  readonly probabilities: Float32Array;
  /** One a class. */
  readonly thresholds: Float32Array;
}

/**
 * The class with the largest probability, where that reaches the class's threshold.
 * @returns ids or the ignore label
 */
export function ownLabels({ probabilities, thresholds }: Pixels, ignoreLabel: number): Uint8Array {
  return winners({ probabilities, thresholds }, ignoreLabel, (p) => p);
}

/**
 * The class with the largest ratio of probability to threshold, where that is at least 1 (Zou et al. 2018;
 * thresholds are at most 1). @returns ids or the ignore label
 */
export function relativeLabels({ probabilities, thresholds }: Pixels, ignoreLabel: number): Uint8Array {
  return winners({ probabilities, thresholds }, ignoreLabel, (p, lambda) => Math.fround(p / lambda));
}

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

/** A pixel's probabilities are lifted to it where they are smaller: their logarithm is needed. */
const LEAST = 1e-20;

/**
 * Distributions proportional to (p / threshold)^(1 / alpha), where they are cheaper than to ignore the pixel:
 * sum(-soft log p + alpha soft log soft) < sum(-soft log threshold); else zeros (Zou et al. 2019, LRENT).
 * @returns float32, a share for each class a pixel
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
