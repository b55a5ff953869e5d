/**
 * The labels of a teacher as a stream: the target, labelled anew in every step by a network that follows the
 * student. Losses and other streams read it like a labelled dataset. The share of sure pixels that weighs
 * the labels is that of the whole batch, so with several processes it is exchanged.
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images, type StepContext } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { constants } from "../ops/constant.ts";
import { trustedLabels } from "./mixing.ts";

const options = z.strictObject({
  stream: z.string().default("target").describe("the stream that is labelled"),
  teacher: z.string().default("teacher").describe("a network of the recipe, which labels it"),
  mirrored: z.string().optional().describe(
    "a stream of the same images mirrored (type mirrored): the teacher's probabilities are the mean of both; absent: of one",
  ),
  threshold: z.number().min(0).max(1).default(0.968).describe(
    "probability from which the teacher counts as sure; pixels weigh as much as it is sure of the batch",
  ),
  ignore_top: z.int().min(0).default(0).describe("rows at the top where pixels weigh 0"),
  ignore_bottom: z.int().min(0).default(0).describe("rows at the bottom where pixels weigh 0"),
});

type Options = z.output<typeof options>;

/**
 * Images of a stream with the labels of a teacher: the most probable class of every pixel. Its weight is the
 * share of the batch of which the teacher is sure (`values.sure`), times the weight that the pixel has in the
 * stream. With `mirrored` the teacher's probabilities are the mean of those for the images and for their
 * mirror images, turned back. No gradient flows.
 */
export const teacherLabels = definePlugin({
  kind: "stream",
  name: "teacher-labels",
  summary: "a stream's images with the labels that a teacher gives them, and how far it is sure",
  source: "Tranheden et al. 2021; Englert et al. 2024",
  options,
  plan: (given, at) => ({
    needs: {
      views: [given.stream, ...given.mirrored === undefined ? [] : [given.mirrored]].map((stream, k) => ({
        stream,
        by: given.teacher,
        labelResolution: true,
        at: [...at, k === 0 ? "teacher" : "mirrored"],
      })),
      streams: [given.stream],
    },
    create: () => ({ make: (ctx) => constants(() => labelled(ctx, given)) }),
  }),
});

/** Makes the labelled images of one step. */
function labelled(ctx: StepContext, given: Options): Images {
  const { pixels, weights: streamWeights } = ctx.images(given.stream);
  const probabilities = (stream: string) => tf.softmax(ctx.view(stream, given.teacher).upsampled!);
  const plain = probabilities(given.stream);
  const mean = given.mirrored === undefined
    ? plain
    : tf.div(tf.add(plain, tf.reverse(probabilities(given.mirrored), 2)), 2) as tf.Tensor4D;
  const { labels, weights, sure } = trustedLabels(mean, {
    threshold: given.threshold,
    ignoreTop: given.ignore_top,
    ignoreBottom: given.ignore_bottom,
    world: ctx.world,
  });
  return {
    pixels,
    labels,
    weights: streamWeights ? tf.mul(weights, streamWeights) : weights,
    values: { sure },
  };
}
