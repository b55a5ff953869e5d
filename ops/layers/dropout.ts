import * as tf from "@tensorflow/tfjs-core";
import { drawnForOwn, solo } from "../../core/world.ts";
import type { Pass } from "./batch_norm.ts";

/**
 * What numbers are multiplied by, `count` of each image: 0 with the given probability, else 1 / (1 - probability). Every part of the
 * batch draws from its own stream. Undefined where the pass draws nothing, so that all stays as it is.
 */
export function drawnFactors(
  count: number,
  probability: number,
  { random, world = solo }: Pass,
): Float32Array | undefined {
  if (random === undefined || probability === 0) return undefined;
  const { images, streams } = random, stays = 1 / (1 - probability);
  return Float32Array.from(
    images.flatMap((part, k) =>
      drawnForOwn(part * count, world, () => streams[k]!.next() < probability ? 0 : stays)
    ),
  );
}

/**
 * Leaves out whole channels of an image, each with the given probability, and multiplies the others by 1 / (1 - probability);
 * the identity where the pass draws nothing (Tompson et al. 2015). Every part of the batch draws from its own stream, so what
 * a batch loses does not depend on those that it is computed with.
 * @param x float32 [N, H, W, C] @param probability in [0, 1)
 */
export function dropChannels(x: tf.Tensor4D, probability: number, pass: Pass): tf.Tensor4D {
  const [count, , , channels] = x.shape;
  const factors = drawnFactors(channels, probability, pass);
  return factors ? tf.mul(x, tf.tensor4d(factors, [count, 1, 1, channels])) : x;
}

/**
 * Leaves out all of an image's values, with the given probability, and multiplies the others by 1 / (1 - probability); the identity
 * where the pass draws nothing. For the branch beside a skip connection (stochastic depth, Huang et al. 2016): an image's layer
 * is left out. One number is drawn for each image, by the part of the batch it is in, as {@linkcode dropChannels} draws.
 * @param x float32 [N, ...]: tokens or maps @param probability in [0, 1)
 */
export function dropPath<T extends tf.Tensor>(x: T, probability: number, pass: Pass): T {
  return timesEach(x, drawnFactors(1, probability, pass));
}

/** Every image times its factor; the same where there are none. For layers that are computed again and so must not draw again. */
export function timesEach<T extends tf.Tensor>(x: T, factors: Float32Array | undefined): T {
  if (factors === undefined) return x;
  return tf.mul(x, tf.tensor(factors, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)])) as T;
}
