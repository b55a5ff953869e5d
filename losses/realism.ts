import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { misjudged } from "../ops/discrimination.ts";
import { imageJudge } from "../ops/layers/judges.ts";
import { adamOptions, OPPONENT, opponentOptimizer, sizedJudge, turnOptions } from "./opponent.ts";

const options = z.strictObject({
  made: z.string().default("translated").describe("the stream whose images shall look real"),
  real: z.string().default("target").describe("the stream of real ones"),
  width: z.int().min(1).max(256).default(64).describe("channels of the opponent's first convolution"),
  ...adamOptions({ beta1: 0.5, beta2: 0.999 }),
  ...turnOptions({ when: "before", every: 5 }),
});

type Options = z.output<typeof options>;

/**
 * Made images are to look real (Chang et al. 2019; Mao et al. 2017, least squares). An opponent tells made
 * images (0) from real ones (1) by half the sum of both mean squared errors; the term is the mean squared
 * error of taking the made ones for real, without the half. Its gradient goes through the opponent into
 * whatever made the images. By default the opponent steps first, and every fifth step only.
 */
export const realism = definePlugin({
  kind: "loss",
  name: "realism",
  summary: "made images look to an opponent like real ones",
  source: "Chang et al. 2019; Mao et al. 2017",
  options,
  plan(given, at, registry) {
    const { made, real, when, every, first } = given;
    return {
      needs: { streams: [made, real] },
      owners: [{ name: OPPONENT, optimizer: opponentOptimizer(given, at, registry), when, every, first }],
      create: (setup) => term(setup, given),
    };
  },
});

/**
 * Allocates the opponent. `compute` is the part of whatever made the images, the owner's `compute` the
 * opponent's.
 */
function term(setup: TermSetup, { made, real, width }: Options): LossTerm {
  const { params, judge } = sizedJudge(imageJudge(setup, { input: 3, width }), "four");
  const error = (images: tf.Tensor, label: 0 | 1) =>
    tf.mean(misjudged(judge(images as tf.Tensor4D), { label, by: "ls" })) as tf.Scalar;
  return {
    compute(ctx) {
      const images = { made: ctx.images(made).pixels, real: ctx.images(real).pixels };
      return { loss: error(images.made, 1), handoff: images };
    },
    owners: {
      [OPPONENT]: {
        params,
        compute: ({ made, real }) => ({ loss: tf.div(tf.add(error(real!, 1), error(made!, 0)), 2) }),
      },
    },
  };
}
