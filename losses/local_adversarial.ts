import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type StepContext, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { discrepancyMap } from "../ops/discrepancy.ts";
import { misjudged } from "../ops/discrimination.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { fcDiscriminator, OPPONENT, opponentOptimizer, opponentOptions } from "./opponent.ts";
import { furtherTapOption, logitsNeed, MAIN, readLogits } from "./read_logits.ts";

const options = z.strictObject({
  tap: furtherTapOption,
  warmup: z.number().min(0).max(1).default(0.05)
    .describe("share of the phase until whose end all pixels count alike"),
  epsilon: z.number().min(0).default(0.4).describe("how much a pixel counts on which the heads agree"),
  lambda: z.number().min(0).default(40).describe("how much more a pixel counts where they disagree entirely"),
  ...opponentOptions,
  source_label: opponentOptions.source_label.default(0),
});

type Options = z.output<typeof options>;

const resolution = "labels";

/**
 * Category-level adversarial alignment (Luo et al. 2019, CLAN). Plain output-space alignment also presses on
 * pixels that are aligned already, and may spoil them. Here a second head judges each pixel too: where both
 * heads agree the pixel counts little, where they disagree much.
 *
 * The discriminator sees the probabilities of the two heads' summed logits; its scores are resized to the
 * image. After the warm-up the error at a target pixel is multiplied by epsilon + lambda (1 - cos(p1, p2)),
 * p1 and p2 being the heads' probabilities there. In the term this weight has a gradient; for the
 * discriminator it is a constant. The discriminator's loss is the plain sum of both domains. It is meant to
 * be used with `weight-discrepancy`, which keeps the two heads different.
 */
export const localAdversarial = definePlugin({
  kind: "loss",
  name: "local-adversarial",
  summary: "output-space alignment that presses where two heads disagree (CLAN)",
  source: "Luo et al. 2019",
  options,
  plan(given, at, registry) {
    const heads = [MAIN, given.tap];
    const views = ["source", "target"].flatMap((stream) =>
      heads.map((tap) => logitsNeed({ stream, tap, resolution }, at))
    );
    return {
      needs: { views },
      owners: [{ name: OPPONENT, optimizer: opponentOptimizer(given, at, registry) }],
      create: (setup) => term(setup, given),
    };
  },
});

/**
 * Allocates the opponent. The weights of the target's pixels are handed over with the maps, so both parts use
 * the same.
 */
function term(setup: TermSetup, { tap, warmup, epsilon, lambda, source_label: source }: Options): LossTerm {
  const target = source === 1 ? 0 : 1;
  const { alignCorners } = setup;
  const { params, judge } = fcDiscriminator(setup);
  const heads = (ctx: StepContext, stream: string) =>
    [tap, MAIN].map((tap) => readLogits(ctx.view(stream), { tap, resolution })) as [tf.Tensor4D, tf.Tensor4D];
  const mapsOf = ([first, second]: readonly [tf.Tensor4D, tf.Tensor4D]) => tf.softmax(tf.add(first, second));
  /** @param weights float32 [N, H, W]; absent: all 1 */
  const wrong = (maps: tf.Tensor, label: 0 | 1, weights?: tf.Tensor) => {
    const [, height, width] = maps.shape as [number, number, number, number];
    const scores = resizeBilinear(judge(maps as tf.Tensor4D), [height, width], { alignCorners });
    const errors = tf.squeeze(misjudged(scores, { label }), [3]);
    const counted = weights ? tf.mul(errors, weights) : errors;
    // Rows first: one float32 sum over as many numbers as an image has pixels loses several digits.
    return tf.mean(tf.mean(counted, 2)) as tf.Scalar;
  };
  return {
    compute(ctx) {
      const both = heads(ctx, "target");
      const maps = mapsOf(both);
      const weights = ctx.step > warmup * ctx.steps
        ? tf.add(epsilon, tf.mul(lambda, discrepancyMap(...both)))
        : undefined;
      return {
        loss: wrong(maps, source, weights),
        handoff: {
          source: mapsOf(heads(ctx, "source")),
          target: maps,
          ...(weights ? { weights } : {}),
        },
      };
    },
    owners: {
      [OPPONENT]: {
        params,
        compute(maps) {
          const onSource = wrong(maps["source"]!, source);
          const onTarget = wrong(maps["target"]!, target, maps["weights"]);
          return { loss: tf.add(onSource, onTarget), logs: { source: onSource, target: onTarget } };
        },
      },
    },
  };
}
