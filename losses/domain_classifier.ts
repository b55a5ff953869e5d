import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { misjudged } from "../ops/discrimination.ts";
import { domainJudge } from "../ops/layers/judges.ts";
import { OPPONENT, opponentOptimizer, opponentOptions, sizedJudge, turnOptions } from "./opponent.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

const options = z.strictObject({
  tap: tapOption,
  width: z.int().min(1).max(256).default(64).describe("channels of the opponent's first convolution"),
  ...opponentOptions,
  ...turnOptions({ when: "before", every: 1 }),
});

type Options = z.output<typeof options>;

/**
 * Output-space alignment as in DISE (Chang et al. 2019). An opponent learns to tell the probability maps of
 * source and target images apart, at the images' size, by the sum of both binary cross-entropies; the term is
 * the error of taking the target's for the source's. It differs from `adversarial` in the opponent's layers,
 * in the sum instead of the mean, and in the order: the opponent steps first, so the network faces the
 * updated one.
 */
export const domainClassifier = definePlugin({
  kind: "loss",
  name: "domain-classifier",
  summary: "output-space alignment with an opponent that steps ahead of the network",
  source: "Chang et al. 2019",
  options,
  plan(given, at, registry) {
    const { tap, when, every, first } = given;
    const choice = (stream: string) => ({ stream, tap, resolution: "labels" }) as const;
    return {
      needs: { views: ["source", "target"].map((stream) => logitsNeed(choice(stream), at)) },
      owners: [{ name: OPPONENT, optimizer: opponentOptimizer(given, at, registry), when, every, first }],
      create: (setup) => term(setup, given),
    };
  },
});

/** Allocates the opponent. `compute` is the segmenter's part, the owner's `compute` the opponent's. */
function term(setup: TermSetup, { tap, width, source_label }: Options): LossTerm {
  const { params, judge } = sizedJudge(domainJudge(setup, { input: setup.numClasses, width }), "four");
  const error = (maps: tf.Tensor, label: 0 | 1) =>
    tf.mean(misjudged(judge(maps as tf.Tensor4D), { label })) as tf.Scalar;
  return {
    compute(ctx) {
      const [source, target] = ["source", "target"].map((stream) =>
        tf.softmax(readLogits(ctx.view(stream), { tap, resolution: "labels" }))
      );
      return { loss: error(target!, source_label), handoff: { source: source!, target: target! } };
    },
    owners: {
      [OPPONENT]: {
        params,
        compute: ({ source, target }) => ({
          loss: tf.add(error(source!, source_label), error(target!, source_label === 1 ? 0 : 1)),
        }),
      },
    },
  };
}
