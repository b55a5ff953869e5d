/**
 * Dropout of channels and of whole layers. Random numbers come from the pass, not from a global generator:
 * each part of a batch (source, target) has its own stream. So a run can be resumed at any step, and what is
 * dropped for the target does not depend on whether it runs in a batch with the source. A layer inside of a
 * checkpointed block must not draw when it is computed again: it draws its factors outside (`drawnFactors`)
 * and multiplies inside (`timesEach`).
 */
import * as tf from "@tensorflow/tfjs-core";
import { drawnForOwn, solo } from "../../core/world.ts";
import type { Pass } from "./batch_norm.ts";

/**
 * The factors of `count` things for each image of the batch: 0 with the given probability, else 1 / (1 -
 * probability), so that the mean stays.
 * @returns [images, count], image by image; undefined where the pass draws nothing or the probability is 0,
 * for "leave all as it is"
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
 * Drops whole channels of an image (Tompson et al. 2015), each with the given probability, and multiplies the
 * others by 1 / (1 - probability); `x` itself where the pass draws nothing.
 * @param x float32 [N, H, W, C] @param probability in [0, 1)
 */
export function dropChannels(x: tf.Tensor4D, probability: number, pass: Pass): tf.Tensor4D {
  const [count, , , channels] = x.shape;
  const factors = drawnFactors(channels, probability, pass);
  return factors ? tf.mul(x, tf.tensor4d(factors, [count, 1, 1, channels])) : x;
}

/**
 * Every image times its factor; `x` itself if there are none. With {@linkcode drawnFactors} of a count of 1
 * this drops all of an image's values. Beside a skip connection that leaves out the layer for that image
 * (stochastic depth, Huang et al. 2016).
 * @param x float32 [N, ...]: tokens or maps @param factors one for each image
 */
export function timesEach<T extends tf.Tensor>(x: T, factors: Float32Array | undefined): T {
  if (factors === undefined) return x;
  return tf.mul(x, tf.tensor(factors, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)])) as T;
}
