import * as tf from "@tensorflow/tfjs-core";
import type { Pass } from "./batch_norm.ts";

/**
 * Leaves out whole channels of an image, each with the given probability, and multiplies the others by 1 / (1 - probability);
 * the identity where the pass draws nothing (Tompson et al. 2015). Every part of the batch draws from its own stream, so what
 * a batch loses does not depend on those that it is computed with.
 * @param x float32 [N, H, W, C] @param probability in [0, 1)
 */
export function dropChannels(x: tf.Tensor4D, probability: number, { random }: Pass): tf.Tensor4D {
  if (random === undefined || probability === 0) return x;
  const { images, streams } = random;
  const [count, , , channels] = x.shape;
  const stays = 1 / (1 - probability);
  const factors = new Float32Array(count * channels);
  let at = 0;
  images.forEach((part, k) => {
    for (const end = at + part * channels; at < end; at++) {
      factors[at] = streams[k]!.next() < probability ? 0 : stays;
    }
  });
  return tf.mul(x, tf.tensor4d(factors, [count, 1, 1, channels]));
}
