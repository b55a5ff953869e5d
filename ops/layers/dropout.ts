import * as tf from "@tensorflow/tfjs-core";
import type { Pass } from "./batch_norm.ts";

/** What a number is multiplied by, for `count` numbers of each image, drawn part by part of the batch. */
function factors(count: number, probability: number, { images, streams }: NonNullable<Pass["random"]>) {
  const stays = 1 / (1 - probability);
  return Float32Array.from(
    images.flatMap((part, k) =>
      Array.from({ length: part * count }, () => streams[k]!.next() < probability ? 0 : stays)
    ),
  );
}

/**
 * Leaves out whole channels of an image, each with the given probability, and multiplies the others by 1 / (1 - probability);
 * the identity where the pass draws nothing (Tompson et al. 2015). Every part of the batch draws from its own stream, so what
 * a batch loses does not depend on those that it is computed with.
 * @param x float32 [N, H, W, C] @param probability in [0, 1)
 */
export function dropChannels(x: tf.Tensor4D, probability: number, { random }: Pass): tf.Tensor4D {
  if (random === undefined || probability === 0) return x;
  const [count, , , channels] = x.shape;
  return tf.mul(x, tf.tensor4d(factors(channels, probability, random), [count, 1, 1, channels]));
}

/**
 * Leaves out all of an image's values, with the given probability, and multiplies the others by 1 / (1 - probability); the identity
 * where the pass draws nothing. For the branch beside a skip connection (stochastic depth, Huang et al. 2016): an image's layer
 * is left out. One number is drawn for each image, by the part of the batch it is in, as {@linkcode dropChannels} draws.
 * @param x float32 [N, ...]: tokens or maps @param probability in [0, 1)
 */
export function dropPath<T extends tf.Tensor>(x: T, probability: number, { random }: Pass): T {
  if (random === undefined || probability === 0) return x;
  const shape = [x.shape[0]!, ...x.shape.slice(1).map(() => 1)];
  return tf.mul(x, tf.tensor(factors(1, probability, random), shape)) as T;
}
