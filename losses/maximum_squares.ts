import * as tf from "@tensorflow/tfjs-core";
import { constant } from "../ops/constant.ts";
import { definePlugin } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { logitsNeed, readLogits, resolutionOption, tapOption } from "./read_logits.ts";

/**
 * Maximum squares (Chen et al. 2019): minus half the mean squared probability of the target predictions. Like
 * entropy minimisation it sharpens predictions, but its gradient grows only linearly with confidence, so that
 * easy pixels do not dominate.
 *
 * - Plain: the mean over pixels of -sum p^2 / 2, in [-1/2, -1/(2K)].
 * - Image-weighted: a pixel predicted as class c counts 1 / (N_c^ratio N^(1 - ratio)), where N_c pixels of
 *   its image are predicted so and N is all its pixels, so that rare classes are not drowned; the sum over
 *   pixels is averaged over images. The weights carry no gradient.
 *
 * The published numbers were made with the form `released`: divided by the number of classes as well, and
 * image-weighted without the half.
 */
export const maximumSquares = definePlugin({
  kind: "loss",
  name: "maximum-squares",
  summary: "maximum squares on the target predictions, plain or image-weighted",
  source: "Chen et al. 2019",
  options: z.strictObject({
    stream: z.string().default("target").describe("the stream whose predictions are sharpened"),
    tap: tapOption,
    resolution: resolutionOption,
    image_weighted: z.boolean().default(false).describe(
      "weigh pixels by how rare their class is in the image",
    ),
    ratio: z.number().min(0).max(1).default(0.2)
      .describe("with image_weighted: 0 weighs all pixels alike, 1 all predicted classes"),
    form: z.enum(["paper", "released"]).default("paper").describe(
      "released: as the authors' code, divided by the number of classes, and image-weighted without the half",
    ),
  }),
  plan: ({ image_weighted, ratio, form, ...choice }, at) => ({
    needs: { views: [logitsNeed(choice, at)] },
    create: ({ numClasses }) => ({
      compute(ctx) {
        const logits = readLogits(ctx.view(choice.stream), choice);
        const squares = tf.sum(tf.square(tf.softmax(logits)), 3) as tf.Tensor3D;
        const [n, height, width] = squares.shape;
        const weights = image_weighted
          ? constant(() => rarity(logits, ratio))
          : tf.scalar(1 / (height * width));
        const factor = form === "paper" ? 0.5 : (image_weighted ? 1 : 0.5) / numClasses;
        return { loss: tf.mul(tf.sum(tf.mul(squares, weights)), -factor / n) as tf.Scalar };
      },
    }),
  }),
});

/**
 * The weight of each pixel, 1 / (N_c^ratio N^(1 - ratio)) for the class c predicted there: float32 [N, H, W].
 */
function rarity(logits: tf.Tensor4D, ratio: number): tf.Tensor3D {
  return tf.tidy(() => {
    const [n, height, width, classes] = logits.shape;
    const pixels = height * width;
    const predicted = tf.reshape(tf.argMax(logits, 3), [n * pixels]) as tf.Tensor1D;
    const hot = tf.reshape(tf.cast(tf.oneHot(predicted, classes), "float32"), [
      n,
      pixels,
      classes,
    ]) as tf.Tensor3D;
    const counts = tf.sum(hot, 1, true);
    const weights = tf.div(tf.pow(tf.maximum(counts, 1), -ratio), pixels ** (1 - ratio));
    return tf.reshape(tf.sum(tf.mul(hot, weights), 2), [n, height, width]) as tf.Tensor3D;
  });
}
