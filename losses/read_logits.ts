/**
 * Which logits a term reads: of which head of the network, and at which resolution. Terms that work on any
 * head share these options, so that a recipe says the same everywhere; `logitsNeed` declares what
 * `readLogits` then reads.
 */
import type { ConfigPath } from "../core/errors.ts";
import type { StreamView, ViewNeed } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { Tensor4D } from "../core/tensors.ts";

/** The tap of the main head, which every view has. */
export const MAIN = "logits";

/** The option that names a head. */
export const tapOption = z.string().min(1).default(MAIN).describe(
  "the head whose logits are read: a tap with a logit for each class",
);

/** The option that names a head beside the main one. */
export const furtherTapOption = z.string().min(1).refine((tap) => tap !== MAIN, {
  error: `is the main head; expected a further one, as in auxiliary`,
}).default("auxiliary").describe("the head beside the main one: a tap with a logit for each class");

/** The option of the resolution. */
export const resolutionOption = z.enum(["features", "labels"]).default("features").describe(
  "features: logits as the network makes them; labels: resized to the images first",
);

/** The logits that a term reads. */
export interface LogitsChoice {
  /** The stream; the network is the student. */
  readonly stream: string;
  /** The head: `logits`, or another tap with a logit for each class. */
  readonly tap: string;
  readonly resolution: "features" | "labels";
}

/**
 * The view that {@linkcode readLogits} reads, for the term's needs. @param at where the recipe has the term's
 * options
 */
export function logitsNeed({ stream, tap, resolution }: LogitsChoice, at: ConfigPath): ViewNeed {
  const labelResolution = resolution === "labels";
  const place = [...at, "stream"];
  if (tap === MAIN) return { stream, labelResolution, at: place };
  return { stream, taps: [{ name: tap, logits: true, labelResolution, at: [...at, "tap"] }], at: place };
}

/** The chosen logits of a view, float32 [N, h, w, K], or [N, H, W, K] at the labels' resolution. */
export function readLogits(
  view: StreamView,
  { tap, resolution }: Pick<LogitsChoice, "tap" | "resolution">,
): Tensor4D {
  if (tap === MAIN) return resolution === "labels" ? view.upsampled! : view.logits;
  return resolution === "labels" ? view.upsampledTaps![tap]! : view.taps[tap]!;
}
