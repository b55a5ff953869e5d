import * as tf from "@tensorflow/tfjs-core";
import { conv2d, type Conv2dOptions } from "../conv2d.ts";
import { depthwiseConv2d } from "../depthwise_conv2d.ts";
import type { Layers } from "./scope.ts";

/** float32 [N, H, W, input] to [N, H', W', output]. */
export type Convolution = (x: tf.Tensor4D) => tf.Tensor4D;

/** How {@linkcode convolutionLayer} is made. Stride and dilation are 1 and the padding 0 if absent. */
export interface ConvolutionOptions extends Omit<Conv2dOptions, "bias" | "leak"> {
  /** Absent: it adds a bias, which begins at 0. */
  readonly bias?: boolean;
  /**
   * Standard deviation of the filter at the start; absent: sqrt(2 / (side^2 output)), which is He et al. 2015
   * by fan-out.
   */
  readonly deviation?: number;
}

/**
 * Makes a layer under `name`, with `weight` and `bias`. @param shape its name, the side of the filter,
 * channels in and out
 */
export function convolutionLayer(
  layers: Layers,
  [name, side, input, output]: readonly [string, number, number, number],
  { bias: biased = true, deviation = Math.sqrt(2 / (side * side * output)), ...window }: ConvolutionOptions =
    {},
): Convolution {
  const filter = layers.normalFilter(`${name}.weight`, [side, side, input, output], deviation);
  const bias = biased
    ? layers.param(`${name}.bias`, tf.zeros([output])) as tf.Variable<tf.Rank.R1>
    : undefined;
  return (x) => conv2d(x, filter, { ...window, bias });
}

/** How {@linkcode depthwiseLayer} is made. */
export interface DepthwiseOptions {
  /** Absent: 1. */
  readonly dilation?: number;
  /** Absent: it adds a bias, which begins at 0. */
  readonly bias?: boolean;
}

/**
 * Makes a 3x3 convolution of every channel by itself, with as many zeros around that the size stays: float32
 * [N, H, W, C] to the same shape. Its `weight` is [3, 3, 1, C], which files keep as [C, 1, 3, 3]. It begins
 * normal with deviation sqrt(2 / 9).
 */
export function depthwiseLayer(
  layers: Layers,
  [name, channels]: readonly [string, number],
  { dilation = 1, bias: biased = true }: DepthwiseOptions = {},
): Convolution {
  const filter = layers.normalFilter(`${name}.weight`, [3, 3, 1, channels], Math.sqrt(2 / 9));
  const bias = biased
    ? layers.param(`${name}.bias`, tf.zeros([channels])) as tf.Variable<tf.Rank.R1>
    : undefined;
  const window = { stride: 1, padding: dilation, dilation };
  return (x) => {
    const channelwise = tf.reshape(filter, [3, 3, channels, 1]) as tf.Tensor4D;
    return depthwiseConv2d(x, channelwise, { ...window, ...(bias ? { bias } : {}) });
  };
}
