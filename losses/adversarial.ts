import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import { definePlugin, type LossTerm, type TermSetup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { discriminator } from "../ops/layers/discriminator.ts";

const CHANNELS = [64, 128, 256, 512, 1] as const;

const DISCRIMINATOR = "discriminator";

const SOURCE = 1;
const TARGET = 0;

const options = z.strictObject({
  map: z.enum(["softmax", "self-information"]).default("softmax")
    .describe("what the discriminator sees: probabilities, or -p log p / log K (ADVENT)"),
  lr: z.number().positive().default(1e-4).describe("the discriminator's Adam learning rate"),
  beta1: z.number().min(0).max(0.9999).default(0.9).describe("Adam's decay of the mean gradient"),
  beta2: z.number().min(0).max(0.9999).default(0.99).describe("Adam's decay of the squared gradient"),
});

type Options = z.output<typeof options>;

/**
 * Output-space adversarial alignment (Tsai et al. 2018; Vu et al. 2019 with self-information maps). A convolutional
 * discriminator (4x4, stride 2, 64-128-256-512-1 channels, leaky ReLU 0.2) tells source maps (1) from target maps (0)
 * at the labels' resolution. The term is the binary cross-entropy of the target maps against "source"; after the
 * segmenter's update the discriminator makes its own Adam step on the same maps, detached.
 */
export const adversarial = definePlugin({
  kind: "loss",
  name: "adversarial",
  summary: "output-space adversarial alignment with a convolutional discriminator",
  source: "Tsai et al. 2018; Vu et al. 2019",
  options,
  plan(given, at, registry) {
    const adam = { lr: given.lr, beta1: given.beta1, beta2: given.beta2 };
    const optimizer = registry.plan("optimizer", { type: "adam", options: adam }, at);
    return {
      needs: { views: ["source", "target"].map((stream) => ({ stream, labelResolution: true })) },
      owners: [{ name: DISCRIMINATOR, optimizer }],
      create: (setup) => term(setup, given),
    };
  },
});

function term(setup: TermSetup, { map }: Options): LossTerm {
  const { params, judge, smallest } = discriminator(setup, { input: setup.numClasses, channels: CHANNELS });
  const show = map === "softmax" ? (logits: tf.Tensor4D) => tf.softmax(logits) : selfInformation;
  return {
    compute(ctx) {
      const [source, target] = ["source", "target"].map((stream) => ctx.view(stream).upsampled!);
      const [, height, width] = target!.shape;
      if (Math.min(height, width) < smallest) {
        throw new UserError(
          `the discriminator halves its input five times: expected a crop of at least ${smallest} pixels, got ${height}x${width}`,
        );
      }
      const targetMaps = show(target!);
      return {
        loss: binaryCrossEntropy(judge(targetMaps), SOURCE),
        handoff: { source: show(source!), target: targetMaps },
      };
    },
    owners: {
      [DISCRIMINATOR]: {
        params,
        compute({ source, target }) {
          const onSource = binaryCrossEntropy(judge(source as tf.Tensor4D), SOURCE);
          const onTarget = binaryCrossEntropy(judge(target as tf.Tensor4D), TARGET);
          return { loss: tf.div(tf.add(onSource, onTarget), 2) };
        },
      },
    },
  };
}

/** -p log p / log K */
function selfInformation(logits: tf.Tensor4D): tf.Tensor4D {
  const logs = tf.logSoftmax(logits);
  return tf.div(tf.mul(tf.exp(logs), logs), -Math.log(logs.shape[3]!)) as tf.Tensor4D;
}

/** The mean of -log sigmoid(z) for the label 1, of -log(1 - sigmoid(z)) for 0. */
function binaryCrossEntropy(logits: tf.Tensor4D, label: 0 | 1): tf.Scalar {
  return tf.mean(tf.softplus(label === 1 ? tf.neg(logits) : logits)) as tf.Scalar;
}
