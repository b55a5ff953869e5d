import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";
import { crossEntropy } from "../ops/cross_entropy.ts";
import { furtherTapOption, logitsNeed, MAIN, readLogits, resolutionOption } from "./read_logits.ts";

/**
 * Self-produced guidance (Chen et al. 2019): a further head, on an earlier stage, learns on the target from
 * what both heads say. The label of a pixel is the class of the largest (p1 + p2) / 2; it counts if at least
 * one of the two heads is sure (its largest probability above `threshold`). The term is the mean
 * cross-entropy of the further head over these pixels, 0 without one. No gradient reaches the main head.
 */
export const selfGuidance = definePlugin({
  kind: "loss",
  name: "self-guidance",
  summary: "a further head learns from what it and the main head are sure of on the target",
  source: "Chen et al. 2019",
  options: z.strictObject({
    stream: z.string().default("target").describe("the stream that is learned from"),
    tap: furtherTapOption,
    resolution: resolutionOption,
    threshold: z.number().min(0).max(1).default(0.95).describe("probability above which a head is sure"),
  }),
  plan({ threshold, ...choice }, at) {
    const { stream } = choice;
    const main = { ...choice, tap: MAIN };
    return {
      needs: { views: [logitsNeed(choice, at), logitsNeed(main, at)] },
      create: () => ({
        compute(ctx) {
          const view = ctx.view(stream);
          const further = readLogits(view, choice);
          const labels = constant(() =>
            agreed([readLogits(view, main), further], { threshold, ignore: ctx.ignoreLabel })
          );
          return { loss: crossEntropy(further, { labels }, "valid", ctx.world) };
        },
      }),
    };
  },
});

/** The class of the largest mean probability where a head is sure, else the ignore label: int32 [N, h, w]. */
function agreed(
  heads: readonly tf.Tensor4D[],
  { threshold, ignore }: { readonly threshold: number; readonly ignore: number },
): tf.Tensor3D {
  return tf.tidy(() => {
    const [p, q] = heads.map((logits) => tf.softmax(logits));
    const sure = tf.logicalOr(tf.greater(tf.max(p!, 3), threshold), tf.greater(tf.max(q!, 3), threshold));
    const best = tf.cast(tf.argMax(tf.add(p!, q!), 3), "int32");
    return tf.where(sure, best, tf.fill(best.shape, ignore, "int32")) as tf.Tensor3D;
  });
}
