import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import { definePlugin, type Segmenter, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import type { NameRule, WeightNames } from "../core/weights.ts";
import { conv2d } from "../ops/conv2d.ts";
import { layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { maxPool } from "../ops/max_pool.ts";

/**
 * Convolutions of each block. The fifth has four in VGG19; only the first is made, because nothing behind it
 * is read.
 */
const BLOCKS = [2, 2, 4, 4, 1];

const taps = BLOCKS.map((_, block) => `relu${block + 1}_1`);

const options = z.strictObject({
  channels: z.array(z.int().min(1)).length(BLOCKS.length).default([64, 128, 256, 512, 512]).describe(
    "of the five blocks",
  ),
});

/** torchvision's classifier and the convolutions behind the last tap. */
const UNUSED: NameRule = { pattern: /^(?:classifier\.\d+|features\.(?:30|32|34))\./, to: null };

/** What files call its tensors: torchvision's names, which are its own. */
const NAMES: WeightNames = {
  // No tensor of it has an axis of classes.
  perClass: /^$/,
  classOrders: {},
  schemes: [{
    name: "torchvision",
    rules: [UNUSED, { pattern: /^features\.\d+\.(?:weight|bias)$/, to: "$&" }],
  }],
  lacking: [],
};

/**
 * The features of VGG19 (Simonyan and Zisserman 2015) up to the first convolution of its fifth block; taps
 * are `relu1_1` to `relu5_1`, at strides 1 to 16. It labels nothing. It is for `networks`: a perceptual term
 * compares images by it.
 */
export const vgg19 = definePlugin({
  kind: "model",
  name: "vgg19",
  summary: "features of VGG19 for a frozen network: taps relu1_1 to relu5_1; it labels nothing",
  source: "Simonyan and Zisserman 2015",
  options,
  plan: ({ channels }) => ({
    featureTap: taps.at(-1)!,
    weightNames: NAMES,
    taps: () =>
      Object.fromEntries(
        taps.map((
          tap,
          block,
        ) => [tap, { channels: channels[block]!, stride: 2 ** block, space: "real" as const }]),
      ),
    create: (setup) => network(setup, channels),
  }),
});

/** Allocates the network. Its `classify` throws UserError. */
function network(setup: Setup, channels: readonly number[]): Segmenter {
  const layers = layersOf(setup);
  let input = 3, place = 0;
  const blocks = BLOCKS.map((count, block) => {
    const output = channels[block]!;
    return Array.from({ length: count }, (_, k) => {
      const name = `features.${place}`;
      const deviation = Math.sqrt(2 / (9 * output));
      const filter = layers.normalFilter(`${name}.weight`, [3, 3, input, output], deviation);
      const bias = layers.param(`${name}.bias`, tf.zeros([output]));
      input = output;
      // ReLU and, at a block's end, pooling have numbers of their own.
      place += k === count - 1 ? 3 : 2;
      const window = { padding: 1, constantInput: block === 0 && k === 0 };
      return (x: tf.Tensor4D) => tf.relu(tf.add(conv2d(x, filter, window), bias)) as tf.Tensor4D;
    });
  });
  const run: RunNetwork = (images) => {
    const features: Record<string, tf.Tensor4D> = {};
    let x = images;
    for (const [block, [first, ...others]] of blocks.entries()) {
      if (block > 0) x = maxPool(x, { size: 2, stride: 2, padding: 0 }, { ceil: false });
      features[taps[block]!] = x = first!(x);
      x = others.reduce((y, layer) => layer(y), x);
    }
    // Views have logits; these are the last features.
    return { logits: x, taps: { ...features, logits: x } };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify() {
      throw new UserError("vgg19 labels nothing: it is for networks, not for model");
    },
    forward: forwardTogether(run, { batch: false }),
  };
}
