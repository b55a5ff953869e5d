/**
 * The opponent of output-space adversarial methods (Tsai et al. 2018): a small fully convolutional network
 * that looks at maps of predictions and scores, patch by patch, from which domain they come. It learns to
 * tell source from target; the segmenter learns predictions on the target that it takes for source.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Random } from "../../core/random.ts";
import { conv2d } from "../conv2d.ts";

const SIDE = 4;
const WINDOW = { stride: 2, padding: 1 } as const;
/** What a leaky ReLU of an opponent multiplies negative values by. */
export const LEAK = 0.2;

/** The channels of {@linkcode discriminator}. */
export interface DiscriminatorOptions {
  /** Channels of the maps that it judges. */
  readonly input: number;
  /** Channels of every convolution's result; the last are those of the scores. */
  readonly channels: readonly number[];
}

/** A network that judges maps, patch by patch, with its parameters. */
export interface Discriminator {
  readonly params: readonly Param[];
  /** Maps may not have fewer rows or columns, in pixels: every convolution halves them. */
  readonly smallest: number;
  /**
   * float32 [N, H, W, input] to [N, H / smallest, W / smallest, the last of channels], sides rounded down.
   */
  judge(maps: tf.Tensor4D): tf.Tensor4D;
}

/**
 * Builds it: convolutions (4x4, stride 2, padding 1) with a leaky ReLU of 0.2 between them, as in DCGAN. The
 * numbers they start with depend on the seed only.
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
        const bias = params[2 * k + 1]!.value as tf.Variable<tf.Rank.R1>;
        const leak = k === channels.length - 1 ? {} : { leak: LEAK };
        return conv2d(x, filter, { ...WINDOW, ...leak, bias });
      }, maps),
  };
}

/**
 * A tensor of uniform numbers within 1 / sqrt(fan in), PyTorch's default for weights and biases of a layer.
 * @param fanIn how many inputs a number of the layer's result depends on
 */
export function uniformByFanIn(random: Random, shape: number[], fanIn: number): tf.Tensor {
  const bound = 1 / Math.sqrt(fanIn);
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(Float32Array.from({ length: size }, () => random.uniform(-bound, bound)), shape);
}
