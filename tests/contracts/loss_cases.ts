/** What the contract of losses must know of single ones. */
import { STUDENT } from "../../core/term.ts";

/** Options of a loss as a recipe gives them. */
export type Options = Readonly<Record<string, unknown>>;

/** Options without which a loss cannot be planned, or has no gradient here, by name. */
export const REQUIRED: Readonly<Record<string, Options>> = {
  // Labels are random here, so that no class covers most of a cell.
  "feature-distance": { min_ratio: 0.2 },
  perceptual: {
    made: "target",
    structure: "source",
    network: STUDENT,
    taps: ["layer1", "layer2", "layer3", "layer4"],
    weights: [0.25, 0.25, 0.25, 0.5],
    texture: "source",
  },
  // Small enough for the images here, and without a label nothing is left.
  "patch-alignment": { patch: [8, 8], clusters: 3, width: 16, adversarial: 0 },
  // The fewer channels are averaged, the more a score depends on what is judged.
  "domain-classifier": { width: 4 },
  "separable-adversarial": { width: 4 },
  // Of two steps both.
  realism: { made: "target", real: "source", width: 4, every: 1 },
};

interface Differentiated {
  /** The options of the gradient. */
  readonly gradient: Options;
  /** The options of the value whose slope it is. */
  readonly value: Options;
}

/** Losses of which a part is constant by definition, so that the gradient is not the slope of the same value. */
export const DIFFERENTIATED: Readonly<Record<string, (options: Options) => Differentiated>> = {
  // Mean and deviation of the contrast normalisation carry no gradient, so without it only (docs/method.md). And a
  // target of nothing but aggregated pixels is almost one colour: any step makes other cycles.
  association(options) {
    const mixing = options["aggregation"] as { readonly alpha: number } | false;
    const aggregation = mixing && { alpha: Math.min(mixing.alpha, 0.5), contrast: false };
    const plain = { ...options, contrast: false, aggregation };
    return { gradient: plain, value: plain };
  },
  // Which cells count is a constant that jumps; with 0 all of them do.
  "own-labels": (options) => {
    const all = { ...options, threshold: 0 };
    return { gradient: all, value: all };
  },
  "class-shares": (options) => {
    const all = { ...options, threshold: 0 };
    return { gradient: all, value: all };
  },
  // The classes' weights are constants.
  "separable-adversarial"(options) {
    const alike = { ...options, reweight: false };
    return { gradient: alike, value: alike };
  },
  // The mean of u (u / lambda - 1), the second factor constant: its gradient is the slope of the value at 2 lambda.
  "label-smoothing"(options) {
    return { gradient: options, value: { ...options, lambda: 2 * (options["lambda"] as number) } };
  },
};

/** Losses that ask nothing of the weights. */
export const LEARN_NOTHING = new Set(["statistics"]);

/** Losses of pixels, which are data here; tests/losses/realism_test.ts differentiates them by the pixels. */
export const OF_PIXELS = new Set(["realism"]);

/**
 * Losses whose opponents' leaky ReLUs bend within every step that float32 can tell from rounding: many of their values lie near 0,
 * for want of biases or of pixels. Differences are taken where none is negative; recorded gradients hold the rest
 * (translation_test.ts; unofficial_test.ts).
 */
export const BENT = new Set(["domain-classifier", "separable-adversarial"]);

/** Losses that let pixels count whose label is ignored. */
export const IGNORED_COUNT = new Set([
  "patch-alignment", // A patch's mean probabilities are those of all its pixels.
  "association", // They start no cycle, and stay candidates of others' cycles and part of the statistics.
]);
