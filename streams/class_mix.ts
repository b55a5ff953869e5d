import { constants } from "../ops/constant.ts";
import { definePlugin, type Images, type StepContext } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { Tensor4D } from "../core/tensors.ts";
import * as tf from "@tensorflow/tfjs-core";
import { changeColours, drawChanges } from "./colour_jitter.ts";
import { gaussianBlur } from "./gaussian_blur.ts";
import { drawHalf, maskOf, mixImages, presentLabels } from "./mixing.ts";

const share = z.number().min(0).max(1);

const jitter = z.strictObject({
  probability: share.default(0.8).describe("of a step whose mixed images are changed"),
  brightness: share.default(0.25).describe("largest value that is added to colours in [0, 1], either way"),
  contrast: share.default(0.25).describe("colours are multiplied by 1 - this to 1 + this"),
  saturation: share.default(0.25).describe("the saturation is multiplied by 1 - this to 1 + this"),
  hue: z.number().min(0).max(0.5).default(0.25).describe("largest turn of the hue, in colour circles"),
});

const blur = z.strictObject({
  probability: share.default(0.5).describe("of a step whose mixed images are blurred"),
  sigma: z.tuple([z.number().positive(), z.number().positive()]).default([0.15, 1.15]).describe(
    "pixels, from and to; drawn for each image",
  ),
});

const options = z.strictObject({
  teacher: z.string().default("teacher").describe("a network of the recipe, which labels the target"),
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
  jitter: z.union([z.literal(false), jitter]).default(jitter.parse({})).describe(
    "change the colours of the mixed images; false: never",
  ),
  blur: z.union([z.literal(false), blur]).default(blur.parse({})).describe(
    "blur the mixed images; false: never",
  ),
});

type Options = z.output<typeof options>;

/**
 * Tranheden et al. 2021 (DACS): of the k label values of a source image, the ignore label among them, ceil(k / 2) are drawn, and
 * their pixels are pasted over a target image that a teacher has labelled; then the colours are changed and the image is
 * blurred, whether being drawn once a step and how strongly for each image. Pixel weights: see {@linkcode mixImages}.
 */
export const classMix = definePlugin({
  kind: "stream",
  name: "class-mix",
  summary: "source pixels of half of the classes over a target image that a teacher has labelled",
  source: "Tranheden et al. 2021; Olsson et al. 2021; Hoyer et al. 2022",
  options,
  plan: (given, at) => ({
    needs: {
      views: [{ stream: given.target, by: given.teacher, labelResolution: true, at: [...at, "teacher"] }],
      streams: [given.source, given.target],
    },
    create: ({ numClasses }) => ({ make: (ctx) => constants(() => mixed(ctx, given, numClasses)) }),
  }),
});

function mixed(ctx: StepContext, given: Options, numClasses: number): Images {
  const { pixels, labels } = ctx.images(given.source);
  if (!labels) {
    throw new Error(`the stream "${given.source}" has no labels; pixels are pasted by their class`);
  }
  const { random } = ctx;
  const chosen = drawHalf(presentLabels(labels, numClasses, given.classes), random);
  const images = mixImages({
    source: { pixels, labels },
    target: ctx.images(given.target),
    logits: ctx.view(given.target, given.teacher).upsampled!,
    mask: maskOf(labels, chosen),
  }, { threshold: given.threshold, ignoreTop: given.ignore_top, ignoreBottom: given.ignore_bottom });
  return { ...images, pixels: disturbed(images.pixels, given, ctx) };
}

function disturbed(
  pixels: Tensor4D,
  { jitter, blur }: Options,
  { random, normalization }: StepContext,
): Tensor4D {
  let changed = pixels;
  if (jitter && random.next() < jitter.probability) {
    const changes = Array.from({ length: pixels.shape[0] }, () => drawChanges(jitter, random));
    changed = changeColours(changed, changes, normalization);
  }
  if (blur && random.next() < blur.probability) {
    const [low, high] = blur.sigma;
    const images = tf.split(changed, changed.shape[0], 0);
    changed = tf.concat(images.map((image) => gaussianBlur(image as Tensor4D, random.uniform(low, high))), 0);
  }
  return changed;
}
