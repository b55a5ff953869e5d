/**
 * Numbers of a batch whose images lie in several processes. Whatever a process computes, the mean over all
 * processes of it and of its gradient is what counts; so a sum over own pixels is divided by the mean of all
 * counts, and what follows from a mean over all pixels, and is no mean itself, takes that mean by {@linkcode
 * sharedMean}.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { World } from "../core/world.ts";

/**
 * What a sum over this process's pixels is divided by, so that the mean over all processes is the mean over
 * all that count: their number, at least 1, divided among the processes. No gradient. @param count how many
 * count here
 */
export function sharedCount(count: tf.Tensor, world: World): tf.Tensor {
  if (world.size === 1) return tf.maximum(count, 1);
  const [mean] = world.mean([count]);
  return tf.div(tf.maximum(tf.mul(mean!, world.size), 1), world.size);
}

/** The mean over all processes, with a gradient. @param x of the same shape in all of them */
export function sharedMean<T extends tf.Tensor>(x: T, world: World): T {
  if (world.size === 1) return x;
  const op = tf.customGrad((...args) => ({
    value: world.mean([args[0] as tf.Tensor])[0]!,
    gradFunc: (dy: tf.Tensor) => world.mean([dy])[0]!,
  }));
  return op(x) as T;
}
