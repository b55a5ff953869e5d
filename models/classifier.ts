import * as tf from "@tensorflow/tfjs-core";
import { conv2d } from "../ops/conv2d.ts";
import type { Layers } from "../ops/layers/scope.ts";

/** How a {@linkcode classifier} is made. */
export interface ClassifierOptions {
  /** Begins the parameters' names. */
  readonly prefix: string;
  /** The dilation of each convolution. */
  readonly rates: readonly number[];
  /** Whether each adds a bias per class. */
  readonly bias: boolean;
  /** The part of their group that the parameters are in; undefined: none. */
  readonly part: string | undefined;
}

/**
 * DeepLab-v2's classifier: a sum of 3x3 convolutions of different dilations, each of which sees a context of
 * its own size. Filters start small, normal with deviation 0.01, so that the first predictions are nearly
 * even.
 * @returns a function of float32 [N, h, w, input] to logits [N, h, w, output]
 */
export function classifier(
  layers: Layers,
  { prefix, rates, bias, part }: ClassifierOptions,
  [input, output]: readonly [number, number],
) {
  const branches = rates.map((dilation, k) => ({
    dilation,
    filter: layers.normalFilter(`${prefix}convs.${k}.0.weight`, [3, 3, input, output], 0.01, part),
    ...(bias ? { bias: layers.param(`${prefix}convs.${k}.0.bias`, tf.zeros([output]), part) } : {}),
  }));
  return (x: tf.Tensor4D) =>
    branches.map(({ filter, dilation, bias }) => {
      const scores = conv2d(x, filter, { padding: dilation, dilation });
      return bias ? tf.add(scores, bias) as tf.Tensor4D : scores;
    }).reduce((a, b) => tf.add(a, b));
}
