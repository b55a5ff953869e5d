/**
 * From batches of pixels to what D of one image is computed from, and back: the same on the host and on a
 * device.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";

/** What D(a, b) is computed from, float32 [N, P, K] and [N, Q, K]; `offset` [N, P, 1]. */
export interface Direction {
  readonly left: tf.Tensor3D;
  readonly right: tf.Tensor3D;
  readonly offset?: tf.Tensor3D;
}

/** From a to b. The very same tensors come out where a factor is the pixels themselves. */
export function direction({ product }: Similarity, a: tf.Tensor3D, b: tf.Tensor3D): Direction {
  if (product === undefined) return { left: a, right: b };
  const offset = product.offset?.(a);
  return { left: product.left(a), right: product.right(b), ...(offset ? { offset } : {}) };
}

/** The different tensors of some directions, in a fixed order. */
export function distinctInputs(directions: readonly Direction[]): tf.Tensor3D[] {
  return [
    ...new Set(directions.flatMap(({ left, right, offset }) => [left, right, ...(offset ? [offset] : [])])),
  ];
}

/** Image `n` of every input, float32 [P, K]. */
export function imagesOf(inputs: readonly tf.Tensor3D[], n: number): tf.Tensor2D[] {
  return inputs.map((x) => {
    const [count, pixels, channels] = x.shape;
    const image = count === 1 ? x : tf.slice(x, [n, 0, 0], [1, pixels, channels]);
    return tf.reshape(image, [pixels, channels]) as tf.Tensor2D;
  });
}

/** From the gradients of every image of every input to those of the inputs. @param byImage [image][input] */
export function joinImages(
  inputs: readonly tf.Tensor3D[],
  byImage: readonly (readonly tf.Tensor2D[])[],
): tf.Tensor3D[] {
  return inputs.map((x, k) => {
    const gradients = byImage.map((images) => images[k]!);
    return tf.reshape(gradients.length === 1 ? gradients[0]! : tf.concat(gradients), x.shape) as tf.Tensor3D;
  });
}
