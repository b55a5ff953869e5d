import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { JUDGEMENTS, misjudged } from "../ops/discrimination.ts";
import { selfInformation } from "../ops/entropy.ts";
import { fcDiscriminator, OPPONENT, opponentOptimizer, opponentOptions } from "./opponent.ts";
import { logitsNeed, readLogits, tapOption } from "./read_logits.ts";

const options = z.strictObject({
  tap: tapOption,
  map: z.enum(["softmax", "self-information"]).default("softmax")
    .describe("what the discriminator sees: probabilities, or -p log p / log K (ADVENT)"),
  loss: z.enum(JUDGEMENTS).default("bce")
    .describe("bce: binary cross-entropy; ls: squared error of the scores (least squares)"),
  ...opponentOptions,
});

type Options = z.output<typeof options>;

/**
 * Output-space adversarial alignment (Tsai et al. 2018; Vu et al. 2019 with self-information maps). The idea:
 * street scenes look different in the two domains, but good segmentations of them look alike. So an opponent
 * looks at the predictions, at the labels' resolution, and the segmenter makes those on the target look like
 * those on the source. With m the map of a prediction and E the mean error over scores,
 *
 *   term = E(judge(m(target)), source label)
 *   opponent = (E(judge(m(source)), source label) + E(judge(m(target)), target label)) / 2
 *
 * The opponent (4x4 convolutions of stride 2, 64-128-256-512-1 channels, leaky ReLU 0.2) makes an Adam step
 * of its own after the segmenter's update, on the same maps, detached. Crops must have at least 32 x 32
 * pixels.
 */
export const adversarial = definePlugin({
  kind: "loss",
  name: "adversarial",
  summary: "output-space adversarial alignment with a convolutional discriminator",
  source: "Tsai et al. 2018; Vu et al. 2019",
  options,
  plan(given, at, registry) {
    const views = ["source", "target"].map((stream) => logitsNeed({ ...choiceOf(given), stream }, at));
    return {
      needs: { views },
      owners: [{ name: OPPONENT, optimizer: opponentOptimizer(given, at, registry) }],
      create: (setup) => term(setup, given),
    };
  },
});

/** Which logits are read: those of the chosen head, at the labels' resolution. */
function choiceOf({ tap }: Options) {
  return { tap, resolution: "labels" } as const;
}

/** Allocates the opponent. `compute` is the segmenter's part, the owner's `compute` the opponent's. */
function term(setup: TermSetup, given: Options): LossTerm {
  const { map, loss: by, source_label: source } = given;
  const target = source === 1 ? 0 : 1;
  const { params, judge } = fcDiscriminator(setup);
  const show = map === "softmax" ? (logits: tf.Tensor4D) => tf.softmax(logits) : selfInformation;
  const wrong = (maps: tf.Tensor, label: 0 | 1) =>
    tf.mean(misjudged(judge(maps as tf.Tensor4D), { label, by })) as tf.Scalar;
  return {
    compute(ctx) {
      const [sourceMaps, targetMaps] = ["source", "target"].map((stream) =>
        show(readLogits(ctx.view(stream), choiceOf(given)))
      );
      return {
        loss: wrong(targetMaps!, source),
        handoff: { source: sourceMaps!, target: targetMaps! },
      };
    },
    owners: {
      [OPPONENT]: {
        params,
        compute: (maps) => ({
          loss: tf.div(tf.add(wrong(maps["source"]!, source), wrong(maps["target"]!, target)), 2),
        }),
      },
    },
  };
}
