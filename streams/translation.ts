/**
 * Translated images, by the networks of DISE (Chang et al. 2019). Structure is what the segmenter's features
 * hold; texture is a short code by a private encoder of each domain; a decoder makes an image of a structure
 * and a texture. Of two domains that gives four kinds of images:
 *
 * - source structure, target texture: the translated image, which has the source's labels (the stream's
 *   pixels);
 * - target structure, source texture: `target_as_source`;
 * - each in its own texture: `source_again` and `target_again`, which should come out like the
 *   originals.
 *
 * The stream only makes images. What they should look like is said by terms, `perceptual` and `realism`.
 * Their gradients flow through the decoder into the encoders and into the segmenter, whose features thus
 * learn to hold the structure. A cross-entropy on the translated images teaches the segmenter (stream
 * `offered`).
 */
import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type Images, type StepContext, type Stream, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { Tensor4D } from "../core/tensors.ts";
import { imageDecoder } from "../ops/layers/image_decoder.ts";
import { privateEncoder } from "../ops/layers/private_encoder.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";

const OWNER = "translator";

const SOURCE = 0;
const TARGET = 1;

const options = z.strictObject({
  style_tap: z.string().default("pool").describe(
    "the tap that private encoders read what is particular to a domain from",
  ),
  structure_tap: z.string().default("layer4").describe("the tap that holds what domains share"),
  width: z.int().min(1).max(256).default(64).describe(
    "channels of the encoders' first convolution, a quarter of the decoder's",
  ),
  range: z.enum(["unit", "colours"]).default("unit").describe(
    "of made pixels: [-1, 1] as published, for images that were divided so; colours: whatever the recipe makes of 0 to 255",
  ),
  lr: z.number().positive().default(1e-3).describe("Adam's learning rate for encoders and decoder"),
  beta1: z.number().min(0).max(0.9999).default(0.5).describe("Adam's decay of the mean gradient"),
  beta2: z.number().min(0).max(0.9999).default(0.999).describe("Adam's decay of the squared gradient"),
});

type Options = z.output<typeof options>;

/**
 * Images of the network's structure and of a private code of either domain (Chang et al. 2019, DISE). The
 * pixels are the source in the target's texture, with the source's labels; `values` hold the other three
 * kinds. Gradients flow into the network too. Encoders and decoder are trained jointly with it, by an Adam of
 * their own. If a side is no multiple of 8, the images come out in another size and are resized.
 */
export const translation = definePlugin({
  kind: "stream",
  name: "translation",
  summary: "source images in the texture of the target, by encoders and a decoder that are trained along",
  source: "Chang et al. 2019",
  options,
  plan(given, at, registry) {
    const { style_tap, structure_tap, lr, beta1, beta2 } = given;
    const taps = [
      { name: style_tap, at: [...at, "style_tap"] },
      { name: structure_tap, at: [...at, "structure_tap"] },
    ];
    const optimizer = registry.plan("optimizer", { type: "adam", options: { lr, beta1, beta2 } }, at);
    return {
      needs: { views: ["source", "target"].map((stream) => ({ stream, taps, flows: true })) },
      owners: [{ name: OWNER, when: "joint", optimizer }],
      create: (setup) => maker(setup, given),
    };
  },
});

/** Allocates encoders and decoder. */
function maker(setup: TermSetup, { style_tap, structure_tap, width, range }: Options): Stream {
  const encoder = (prefix: string) =>
    privateEncoder(setup, { prefix, input: setup.taps[style_tap]!.channels, width });
  const ofSource = encoder("source_encoder."), ofTarget = encoder("target_encoder.");
  const structure = setup.taps[structure_tap]!.channels;
  const { params, decode } = imageDecoder(setup, { prefix: "decoder.", structure, width });
  return {
    owners: { [OWNER]: { params: [...ofSource.params, ...ofTarget.params, ...params] } },
    make(ctx): Images {
      const [source, target] = ["source", "target"].map((stream) => ctx.view(stream).taps);
      const { labels } = ctx.images("source");
      const sizes = ["source", "target"].map((stream) => {
        const [, height, width] = ctx.images(stream).pixels.shape;
        return [height, width] as const;
      });
      const textures = [ofSource.encode(source![style_tap]!), ofTarget.encode(target![style_tap]!)] as const;
      // The image with the structure of one domain's image, in the texture of a domain.
      const image = (of: 0 | 1, domain: 0 | 1) => {
        const structure = (of === SOURCE ? source : target)![structure_tap]!;
        const decoded = decode({ structure, texture: textures[domain], domain });
        const sized = resizeBilinear(decoded, sizes[of]!, { alignCorners: setup.alignCorners });
        return range === "unit" ? sized : spread(sized, ctx.normalization);
      };
      return {
        pixels: image(SOURCE, TARGET),
        ...(labels ? { labels } : {}),
        values: {
          target_as_source: image(TARGET, SOURCE),
          source_again: image(SOURCE, SOURCE),
          target_again: image(TARGET, TARGET),
        },
      };
    },
  };
}

/** From [-1, 1] to the values that the colours 0 to 255 have after normalisation. */
function spread(x: Tensor4D, { scale, mean, deviation }: StepContext["normalization"]): Tensor4D {
  const ends = (colour: number): number[] => mean.map((one, k) => (colour * scale - one) / deviation[k]!);
  const [low, high] = [ends(0), ends(255)];
  const middle = low!.map((one, k) => (one + high![k]!) / 2);
  const half = low!.map((one, k) => (high![k]! - one) / 2);
  return tf.add(tf.mul(x, half), middle);
}
