/**
 * The private encoders of DISE (Chang et al. 2019). Each domain has one. It sums up how an image looks
 * (light, colours, surfaces), which the segmenter is to ignore, in eight numbers without a place: the mean
 * over pixels at its end leaves no room for where things are. The decoder puts these numbers and a structure
 * together again.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { batchNorm } from "../batch_norm.ts";
import { Companion } from "./companion.ts";

/** How many numbers a code has. */
export const CODE = 8;

const EPSILON = 1e-5;

/** An encoder with its parameters. */
export interface PrivateEncoder {
  readonly params: readonly Param[];
  /** float32 [N, H, W, input] to [N, CODE]. */
  encode(maps: tf.Tensor4D): tf.Tensor2D;
}

/** How it is built. */
export interface PrivateEncoderOptions {
  /** Begins the parameters' names. */
  readonly prefix?: string;
  /** Channels of what it reads. */
  readonly input: number;
  /** Channels of its first convolution; 64 as published. */
  readonly width: number;
}

/**
 * Builds an encoder: five convolutions of stride 2 (7x7, then 3x3) with batch-norm of the batch's own
 * statistics and ReLU, the mean over pixels, and a linear map. It keeps no running statistics, because it is
 * used in training alone.
 */
export function privateEncoder(
  setup: Setup,
  { prefix = "", input, width }: PrivateEncoderOptions,
): PrivateEncoder {
  const layers = new Companion(setup, prefix);
  const channels = [width, 2 * width, 4 * width, 4 * width, 4 * width];
  const blocks = channels.map((output, k) => {
    const side = k === 0 ? 7 : 3;
    const convolve = layers.convolution(`${k}.conv`, {
      side,
      input: k === 0 ? input : channels[k - 1]!,
      output,
      stride: 2,
      padding: (side - 1) / 2,
    });
    const gamma = layers.make(`${k}.norm.weight`, tf.ones([output])) as tf.Variable<tf.Rank.R1>;
    const beta = layers.make(`${k}.norm.bias`, tf.zeros([output])) as tf.Variable<tf.Rank.R1>;
    return (x: tf.Tensor4D) => batchNorm(convolve(x), { gamma, beta }, { epsilon: EPSILON, relu: true });
  });
  const out = layers.convolution("out", { side: 1, input: channels[4]!, output: CODE });
  return {
    params: layers.params,
    encode(maps) {
      const features = blocks.reduce((x, block) => block(x), maps);
      return tf.squeeze(out(tf.mean(features, [1, 2], true)), [1, 2]) as tf.Tensor2D;
    },
  };
}
