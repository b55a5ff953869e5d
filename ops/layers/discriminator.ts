import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { conv2d } from "../conv2d.ts";

const SIDE = 4;
const WINDOW = { stride: 2, padding: 1 } as const;
const LEAK = 0.2;

/** What {@linkcode discriminator} builds. */
export interface DiscriminatorOptions {
  /** Of the maps that it judges. */
  readonly input: number;
  /** Of every convolution's result, the last one's too. */
  readonly channels: readonly number[];
}

/** A network that judges maps, patch by patch. */
export interface Discriminator {
  readonly params: readonly Param[];
  /** The sides of the smallest maps, in pixels: every convolution halves them. */
  readonly smallest: number;
  /**
   * float32 [N, H, W, input] to [N, H / smallest, W / smallest, the last of channels], sides rounded down.
   */
  judge(maps: tf.Tensor4D): tf.Tensor4D;
}

/**
 * Convolutions (4x4, stride 2, padding 1) with a leaky ReLU of 0.2 between them, as of DCGAN. The numbers
 * they start with depend on the seed only.
 */
export function discriminator(setup: Setup, { input, channels }: DiscriminatorOptions): Discriminator {
  const params = channels.flatMap((output, k): Param[] => {
    const inputs = k === 0 ? input : channels[k - 1]!;
    const random = Random.stream(setup.seed, `discriminator.${k}`);
    const make = (name: string, shape: number[]): Param => {
      const initial = uniformByFanIn(random, shape, inputs * SIDE * SIDE);
      const value = setup.variable(name, initial);
      initial.dispose();
      return { name, value, group: "discriminator" };
    };
    return [make(`${k}.weight`, [SIDE, SIDE, inputs, output]), make(`${k}.bias`, [output])];
  });
  return {
    params,
    smallest: WINDOW.stride ** channels.length,
    judge: (maps) =>
      channels.reduce((x, _, k) => {
        const filter = params[2 * k]!.value as tf.Variable<tf.Rank.R4>;
        const y = tf.add(conv2d(x, filter, WINDOW), params[2 * k + 1]!.value) as tf.Tensor4D;
        return k === channels.length - 1 ? y : tf.maximum(y, tf.mul(y, LEAK));
      }, maps),
  };
}

/** PyTorch's default for a convolution: uniform within 1 / sqrt(fan in), weights and biases alike. */
export function uniformByFanIn(random: Random, shape: number[], fanIn: number): tf.Tensor {
  const bound = 1 / Math.sqrt(fanIn);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(Float32Array.from({ length: size }, () => random.uniform(-bound, bound)), shape);
}
