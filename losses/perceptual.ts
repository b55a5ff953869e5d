import * as tf from "@tensorflow/tfjs-core";
import type { ConfigPath } from "../core/errors.ts";
import { ConfigError } from "../core/errors.ts";
import { definePlugin, type LossTerm } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { featureDistance, type Features, textureDistance } from "../ops/perceptual.ts";

const options = z.strictObject({
  made: z.string().default("translated").describe("the stream whose images are compared"),
  structure: z.string().default("source").describe("the stream whose images they shall look like"),
  texture: z.string().optional().describe(
    "the stream whose texture they shall have: the first layers compare channel means with it, not structure",
  ),
  network: z.string().default("perceptual").describe("the network of the recipe that sees the images"),
  taps: z.array(z.string()).min(1).default(["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]).describe(
    "its taps that are compared",
  ),
  weights: z.array(z.number().min(0)).min(1).default([1 / 32, 1 / 16, 1 / 8, 1 / 4, 1]).describe(
    "of each tap's mean absolute difference; published with a texture: [1, 1, 1, 0.25, 1]",
  ),
  texture_layers: z.int().min(1).default(3).describe(
    "with texture: how many of the first taps compare it",
  ),
});

type Options = z.output<typeof options>;

/**
 * How far made images are from others in the features of a frozen network, usually VGG (Chang et al. 2019;
 * Johnson et al. 2016): the sum over taps of weight times mean absolute difference. Pixels may differ while
 * features are alike, so a translation may change colours and surfaces but not what is seen.
 *
 * With a `texture` stream the first `texture_layers` taps compare the means over pixels of each channel with
 * that stream's images instead: what surfaces look like, not where they are. Gradients flow to the made
 * images only.
 */
export const perceptual = definePlugin({
  kind: "loss",
  name: "perceptual",
  summary: "distance of made images to others in the features of a frozen network",
  source: "Chang et al. 2019; Johnson et al. 2016",
  options,
  plan(given, at) {
    const { made, structure, texture, network: by } = given;
    checkLengths(given, at);
    const taps = given.taps.map((name, k) => ({ name, at: [...at, "taps", k] }));
    const view = (key: string, stream: string) => ({ stream, by, taps, at: [...at, key] });
    return {
      needs: {
        views: [
          { ...view("made", made), flows: true },
          view("structure", structure),
          ...texture === undefined ? [] : [view("texture", texture)],
        ],
      },
      create: () => term(given),
    };
  },
});

/** @throws ConfigError when there are not as many weights as taps, or more texture layers than taps */
function checkLengths({ taps, weights, texture, texture_layers }: Options, at: ConfigPath): void {
  if (weights.length !== taps.length) {
    throw new ConfigError([{
      path: [...at, "weights"],
      message: `expected a weight for each of the ${taps.length} taps, got ${weights.length}`,
    }]);
  }
  if (texture !== undefined && texture_layers > taps.length) {
    throw new ConfigError([{
      path: [...at, "texture_layers"],
      message: `expected at most ${taps.length}, as many as there are taps`,
    }]);
  }
}

/** Compares features tap by tap. It owns nothing. */
function term({ made, structure, texture, network, taps, weights, texture_layers }: Options): LossTerm {
  return {
    compute(ctx) {
      const features = (stream: string): Features => {
        const view = ctx.view(stream, network);
        return taps.map((tap) => view.taps[tap]!);
      };
      const ofMade = features(made);
      if (texture === undefined) return { loss: featureDistance(ofMade, features(structure), weights) };
      const [first, others] = [ofMade.slice(0, texture_layers), ofMade.slice(texture_layers)];
      const textures = textureDistance(first, features(texture), weights);
      if (others.length === 0) return { loss: textures };
      const shapes = features(structure).slice(texture_layers);
      return {
        loss: tf.add(textures, featureDistance(others, shapes, weights.slice(texture_layers))),
      };
    },
  };
}
