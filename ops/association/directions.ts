/**
 * From batches of pixels to the factors of D of one image, and back. A direction is D from one image to
 * another: `left` gives the rows, `right` the columns. The factors are formed by tfjs operators outside of
 * the association's own operators, so tfjs differentiates them; the operators have the factors as inputs. For
 * cosine the factors are the pixels themselves, so D(source, target) and D(target, source) share both inputs,
 * and the aggregation's D(x, x) has one. `distinctInputs` finds that out, so that every tensor gets one
 * gradient. The same code serves the host and devices.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";

/**
 * The factors of D(a, b), float32 [N, P, K] and [N, Q, K]; `offset` [N, P, 1]. Without a product, the pixels.
 */
export interface Direction {
  readonly left: tf.Tensor3D;
  readonly right: tf.Tensor3D;
  readonly offset?: tf.Tensor3D;
}

/**
 * The direction from `a` to `b`. Where a factor is the pixels themselves, it is the same tensor object as `a`
 * or `b`.
 */
export function direction({ product }: Similarity, a: tf.Tensor3D, b: tf.Tensor3D): Direction {
  if (product === undefined) return { left: a, right: b };
  const offset = product.offset?.(a);
  return { left: product.left(a), right: product.right(b), ...(offset ? { offset } : {}) };
}

/** The tensors of some directions, each once, in the order of their first use. */
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

/**
 * Joins the gradients of single images into those of the inputs. @param byImage [image][input], at least one
 * image
 */
export function joinImages(
  inputs: readonly tf.Tensor3D[],
  byImage: readonly (readonly tf.Tensor2D[])[],
): tf.Tensor3D[] {
  return inputs.map((x, k) => {
    const gradients = byImage.map((images) => images[k]!);
    return tf.reshape(gradients.length === 1 ? gradients[0]! : tf.concat(gradients), x.shape) as tf.Tensor3D;
  });
}
