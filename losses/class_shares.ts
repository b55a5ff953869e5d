import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constant } from "../ops/constant.ts";
import { imageShares, placeShares } from "../ops/own_labels.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { type LogitsChoice, logitsNeed, readLogits, tapOption } from "./read_logits.ts";
import { countClasses } from "./label_counts.ts";

const options = z.strictObject({
  stream: z.string().default("target").describe("the stream whose predictions are shared out"),
  tap: tapOption,
  prior: z.enum(["uniform", "source", "places"]).default("uniform").describe(
    "uniform: 1 / K each, which the released code amounts to; source: the classes' shares of the source's labels; " +
      "places: their shares at each place, compared in squares",
  ),
  source: z.string().default("source").describe("the labelled stream that a prior is counted in"),
  images: z.int().min(1).default(500).describe("how many of its images are counted, before the first step"),
  sizes: z.array(z.int().min(1)).min(1).max(8).default([4, 8]).describe("with places: sides of the squares"),
  threshold: z.number().min(0).max(1).default(0.5).describe(
    "with places: squares above this probability count",
  ),
});

type Options = z.output<typeof options>;

/** Rows and columns of the grid in which places are counted; the shares of other grids are interpolated. */
const PLACES = [32, 32] as const;

/**
 * The classes' mean probabilities are drawn to their shares of the source's labels (Lian et al. 2019, the
 * image's level of the pyramid). It keeps frequent classes from swallowing rare ones on the target, whose
 * labels are not known.
 *
 * The paper compares each class with its own share; the released code compares every class with every share,
 * which amounts to a draw to 1 / K (`uniform`, the default). With `places` the shares of each place are
 * compared: sky is above, road below. The paper's prior file was not published, so they are counted here in
 * the source's labels, on a grid, before the first step. The counts lie in a buffer, so that a resumed run
 * has them.
 */
export const classShares = definePlugin({
  kind: "loss",
  name: "class-shares",
  summary:
    "the classes' mean probabilities against their shares of the source, of the image or at each place",
  source: "Lian et al. 2019",
  options,
  plan(given, at) {
    const choice = { ...given, resolution: "labels" } as const;
    const counted = given.prior === "uniform" ? [] : [given.source];
    return {
      needs: { views: [logitsNeed(choice, at)], streams: counted },
      create: (setup) => term(setup, given, choice),
    };
  },
});

/** The term; with a prior that is counted, the counts are a buffer that is filled before the first step. */
function term(setup: TermSetup, given: Options, choice: LogitsChoice): LossTerm {
  const read = (ctx: Parameters<LossTerm["compute"]>[0]) => readLogits(ctx.view(given.stream), choice);
  if (given.prior === "uniform") {
    return { compute: (ctx) => ({ loss: imageShares(read(ctx), undefined, ctx.world) }) };
  }
  const { numClasses } = setup;
  const cells = given.prior === "places" ? PLACES : [1, 1] as const;
  const shape: [number, number, number, number] = [1, ...cells, numClasses];
  const start = tf.fill(shape, 1 / numClasses);
  const shares = setup.variable("shares", start, false) as tf.Variable<tf.Rank.R4>;
  start.dispose();
  const prior = (_: number, size: readonly [number, number]) =>
    constant(() => resizeBilinear(tf.clone(shares) as tf.Tensor4D, size));
  return {
    buffers: { shares },
    hooks: {
      async begin(tools) {
        const counts = await countClasses(tools, {
          stream: given.source,
          images: given.images,
          cells,
          numClasses,
        });
        tf.tidy(() => shares.assign(tf.tensor4d(counts, shape)));
      },
    },
    compute(ctx) {
      const logits = read(ctx);
      if (given.prior === "places") return { loss: placeShares(logits, given, prior, ctx.world) };
      return { loss: imageShares(logits, tf.reshape(shares, [numClasses]) as tf.Tensor1D, ctx.world) };
    },
  };
}
