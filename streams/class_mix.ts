/**
 * Class-mixed images (Olsson et al. 2021; Tranheden et al. 2021, DACS). Think of scissors and glue: half of
 * the classes of a source image are cut out along their labels and glued onto a target image, whose labels
 * come from a teacher. So the network sees target pixels beside source objects with true labels, and no edge
 * betrays where one domain ends. A stream is made anew in every step, on the device, without reading a value.
 */
import { constants } from "../ops/constant.ts";
import { definePlugin, type Images, type StepContext } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { Tensor3D } from "../core/tensors.ts";
import * as tf from "@tensorflow/tfjs-core";
import { blurOptions, disturbed, jitterOptions } from "./disturbance.ts";
import { drawHalf, maskOf, mixImages, paste, presentLabels } from "./mixing.ts";

const share = z.number().min(0).max(1);

const options = z.strictObject({
  teacher: z.string().nullable().default("teacher").describe(
    "a network of the recipe, which labels the target; null: the target has labels and weights of its own (teacher-labels)",
  ),
  source: z.string().default("source").describe("the labelled stream whose pixels are pasted"),
  target: z.string().default("target").describe("the stream over which they are pasted"),
  threshold: share.default(0.968).describe(
    "probability from which the teacher counts as sure; target pixels weigh as much as it is sure of the batch",
  ),
  classes: z.enum(["image", "batch"]).default("image").describe(
    "half of the label values are drawn, of those in the image (DACS) or in the whole batch (DAFormer)",
  ),
  ignore_top: z.int().min(0).default(0).describe("rows at the top where target pixels weigh 0"),
  ignore_bottom: z.int().min(0).default(0).describe("rows at the bottom where target pixels weigh 0"),
  jitter: z.union([z.literal(false), jitterOptions]).default(jitterOptions.parse({})).describe(
    "change the colours of the mixed images; false: never",
  ),
  blur: z.union([z.literal(false), blurOptions]).default(blurOptions.parse({})).describe(
    "blur the mixed images; false: never",
  ),
});

type Options = z.output<typeof options>;

/**
 * Of the k label values of a source image, the ignore label among them, ceil(k / 2) are drawn, and their
 * pixels are pasted over a target image that a teacher has labelled (or that has labels of its own, without a
 * teacher). Then the colours are changed and the image is blurred; whether is drawn once a step or for each
 * image, how strongly for each image. Pixel weights: see {@linkcode mixImages}. No gradient flows.
 */
export const classMix = definePlugin({
  kind: "stream",
  name: "class-mix",
  summary: "source pixels of half of the classes over a target image that a teacher has labelled",
  source: "Tranheden et al. 2021; Olsson et al. 2021; Hoyer et al. 2022",
  options,
  plan: (given, at) => ({
    needs: {
      views: given.teacher === null
        ? []
        : [{ stream: given.target, by: given.teacher, labelResolution: true, at: [...at, "teacher"] }],
      streams: [given.source, given.target],
    },
    create: ({ numClasses }) => ({ make: (ctx) => constants(() => mixed(ctx, given, numClasses)) }),
  }),
});

/** Makes the mixed images of one step. @throws Error when the source has no labels */
function mixed(ctx: StepContext, given: Options, numClasses: number): Images {
  const { pixels, labels } = ctx.images(given.source);
  if (!labels) {
    throw new Error(`the stream "${given.source}" has no labels; pixels are pasted by their class`);
  }
  const { random, world } = ctx;
  const chosen = drawHalf(presentLabels(labels, numClasses, given.classes, world), random, world);
  const mask = maskOf(labels, chosen), target = ctx.images(given.target);
  const images = given.teacher === null
    ? pasteLabelled({ pixels, labels, numClasses }, target, { given, mask })
    : mixImages({
      source: { pixels, labels },
      target,
      logits: ctx.view(given.target, given.teacher).upsampled!,
      mask,
    }, { threshold: given.threshold, ignoreTop: given.ignore_top, ignoreBottom: given.ignore_bottom, world });
  return { ...images, pixels: disturbed(images.pixels, given, ctx) };
}

interface PastedSource extends Required<Pick<Images, "pixels" | "labels">> {
  readonly numClasses: number;
}

/**
 * Pastes over a target that has labels. Source pixels weigh 1 if they have a label, else 0; target pixels
 * keep their weights, 1 if there are none. @throws Error when the target has no labels
 */
function pasteLabelled(
  { numClasses, ...source }: PastedSource,
  { pixels, labels, weights }: Images,
  { given, mask }: { readonly given: Options; readonly mask: Tensor3D },
): Images {
  if (!labels) {
    throw new Error(
      `the stream "${given.target}" has no labels; name a teacher, or a target that has some (type: teacher-labels)`,
    );
  }
  const known = tf.cast(tf.less(source.labels, numClasses), "float32") as Tensor3D;
  return paste({
    source: { ...source, weights: known },
    target: { pixels, labels, weights: weights ?? tf.onesLike(known) },
    mask,
  });
}
