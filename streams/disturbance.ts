/**
 * The options of streams that disturb their images, and how it is done: colours are changed first, then
 * images are blurred. Whether a disturbance happens is drawn for a whole step or for each image.
 *
 * class_mix.ts, masked.ts and disturbed.ts share it. The order of the draws is part of a run's numbers: a
 * further draw in the middle changes every image after it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { StepContext } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { drawnForOwn } from "../core/world.ts";
import { changeColours, type Changes, drawChanges } from "./colour_jitter.ts";
import { gaussianBlur } from "./gaussian_blur.ts";

const share = z.number().min(0).max(1);

const drawn = z.enum(["step", "image"]).default("step").describe(
  "step: all images of a step are changed or none; image: each is drawn by itself",
);

/** The options of changing colours. */
export const jitterOptions = z.strictObject({
  probability: share.default(0.8).describe("of a step, or an image, whose colours are changed"),
  drawn,
  form: z.enum(["kornia", "torchvision"]).default("kornia").describe(
    "kornia: brightness is added, contrast multiplies, saturation is HSV's; torchvision: brightness multiplies, the " +
      "others move colours from the mean grey and from their own",
  ),
  brightness: share.default(0.25).describe(
    "largest value that is added to colours in [0, 1], either way; torchvision: the factor's distance from 1",
  ),
  contrast: share.default(0.25).describe("colours are multiplied by 1 - this to 1 + this"),
  saturation: share.default(0.25).describe("the saturation is multiplied by 1 - this to 1 + this"),
  hue: z.number().min(0).max(0.5).default(0.25).describe("largest turn of the hue, in colour circles"),
});

/** The options of blurring. */
export const blurOptions = z.strictObject({
  probability: share.default(0.5).describe("of a step, or an image, that is blurred"),
  drawn,
  sigma: z.tuple([z.number().positive(), z.number().positive()]).default([0.15, 1.15]).describe(
    "pixels, from and to; drawn for each image",
  ),
});

/** Both, either or none; false: never. */
export interface Disturbance {
  readonly jitter: false | z.output<typeof jitterOptions>;
  readonly blur: false | z.output<typeof blurOptions>;
}

/**
 * Images with their colours changed and blurred as drawn from the context's `random`. No gradient is defined.
 * @param pixels float32 [N, H, W, 3], normalised, N at least 1 @returns the same shape
 */
export function disturbed(
  pixels: tf.Tensor4D,
  disturbance: Disturbance,
  context: Context,
): tf.Tensor4D {
  return blurred(jittered(pixels, disturbance, context), disturbance, context);
}

type Context = Pick<StepContext, "random" | "normalization" | "world">;

/** Changes the colours of all images, of some or of none, as drawn. */
function jittered(
  pixels: tf.Tensor4D,
  { jitter }: Disturbance,
  { random, normalization, world }: Context,
): tf.Tensor4D {
  if (!jitter) return pixels;
  const [count] = pixels.shape;
  if (jitter.drawn === "step") {
    if (random.next() >= jitter.probability) return pixels;
    return changeColours(pixels, drawnForOwn(count, world, () => drawChanges(jitter, random)), normalization);
  }
  const changes = drawnForOwn(count, world, (): Changes => {
    const changed = random.next() < jitter.probability, drawn = drawChanges(jitter, random);
    return changed ? drawn : [];
  });
  return changeColours(pixels, changes, normalization);
}

/** Blurs all images, some or none, as drawn. A sigma is drawn for images that stay sharp, too. */
function blurred(pixels: tf.Tensor4D, { blur }: Disturbance, { random, world }: Context): tf.Tensor4D {
  if (!blur) return pixels;
  if (blur.drawn === "step" && random.next() >= blur.probability) return pixels;
  const [low, high] = blur.sigma;
  const images = tf.split(pixels, pixels.shape[0], 0) as tf.Tensor4D[];
  const drawn = drawnForOwn(images.length, world, () => ({
    now: blur.drawn === "step" || random.next() < blur.probability,
    sigma: random.uniform(low, high),
  }));
  return tf.concat(
    images.map((image, k) => drawn[k]!.now ? gaussianBlur(image, drawn[k]!.sigma) : image),
    0,
  );
}
