import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type StepContext, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import {
  classLosses,
  labelMasks,
  lossWeights,
  meanOfClasses,
  seenMasks,
  sureMasks,
} from "../ops/class_reweighting.ts";
import { misjudged } from "../ops/discrimination.ts";
import { classJudge } from "../ops/layers/class_judge.ts";
import { OPPONENT, opponentOptimizer, opponentOptions } from "./opponent.ts";

const share = z.number().min(0).max(1);

const options = z.strictObject({
  tap: z.string().default("layer4").describe("the features that are aligned"),
  width: z.int().min(1).max(256).default(64).describe("channels inside of the opponent"),
  from: share.default(0.9).describe(
    "probability above which a target pixel is of its class, at the beginning",
  ),
  to: share.default(0.5).describe("the same at the end; it falls linearly over the phase"),
  reweight: z.boolean().default(true).describe("let classes count by how far they are from being aligned"),
  ...opponentOptions,
});

type Options = z.output<typeof options>;

/**
 * Alignment class by class (after Du et al. 2019, SSF-DAN). Unofficial: they published neither the code of
 * their training nor its layers, thresholds and weights; this is our reading.
 *
 * An opponent with a branch for each class tells the features of source pixels of that class, by their
 * labels, from those of target pixels that are predicted so with more than a threshold. The threshold falls
 * linearly over the phase (`from`, `to`): early on only sure pixels are trusted. The term is the mean over
 * the classes present of the error of taking the target's for the source's. With `reweight` each class counts
 * in proportion to its error, so that classes that are still told apart count more. Logged: `classes`, how
 * many were present.
 */
export const separableAdversarial = definePlugin({
  kind: "loss",
  name: "separable-adversarial",
  summary: "unofficial: each class's features are aligned by an opponent's branch of its own",
  source: "after Du et al. 2019; unofficial",
  options,
  plan(given, at, registry) {
    const taps = [{ name: given.tap, at: [...at, "tap"] }, { name: "probabilities" }];
    return {
      needs: { views: [{ stream: "source", taps, labels: true }, { stream: "target", taps }] },
      owners: [{ name: OPPONENT, optimizer: opponentOptimizer(given, at, registry) }],
      create: (setup) => term(setup, given),
    };
  },
});

/** Allocates the opponent. Features and masks of both domains are handed over to it. */
function term(setup: TermSetup, given: Options): LossTerm {
  const { tap, width, source_label: source, reweight } = given;
  const { params, judge } = classJudge(setup, { input: setup.taps[tap]!.channels, width });
  const losses = (
    features: tf.Tensor,
    masks: tf.Tensor,
    { label, world }: { readonly label: 0 | 1; readonly world: StepContext["world"] },
  ) => {
    const scores = judge(features as tf.Tensor4D, masks as tf.Tensor4D);
    return classLosses(misjudged(scores, { label }), seenMasks(masks as tf.Tensor4D), world);
  };
  return {
    compute(ctx) {
      const target = ctx.target!.taps[tap]!,
        masks = sureMasks(ctx.target!.taps["probabilities"]!, threshold(ctx, given));
      const labelled = ctx.source.taps[tap]!;
      const [, height, width] = labelled.shape;
      const ofSource = labelMasks(ctx.source.labels, [height, width], setup.numClasses);
      const each = losses(target, masks, { label: source, world: ctx.world });
      return {
        loss: meanOfClasses(each, reweight ? lossWeights(each) : undefined),
        logs: { classes: tf.sum(each.present) as tf.Scalar },
        handoff: { source: labelled, sourceMasks: ofSource, target, targetMasks: masks },
      };
    },
    owners: {
      [OPPONENT]: {
        params,
        compute(given, { world }) {
          const ofSource = losses(given["source"]!, given["sourceMasks"]!, { label: source, world });
          const other = source === 1 ? 0 : 1;
          const ofTarget = losses(given["target"]!, given["targetMasks"]!, { label: other, world });
          return { loss: tf.div(tf.add(meanOfClasses(ofSource), meanOfClasses(ofTarget)), 2) };
        },
      },
    },
  };
}

/** The probability above which a target pixel is of its class, in this step. */
function threshold({ step, steps }: StepContext, { from, to }: Options): number {
  return from + (to - from) * step / steps;
}
