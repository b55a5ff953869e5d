/** From batches of pixels, the inputs of a differentiable operator, to the similarity rows of one image and back. */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import { Sums } from "./sums.ts";
import type { RowKernels } from "./row_kernels.ts";
import { type Norms, normsOf, type SimilarityRows, similarityRows } from "./similarity_rows.ts";

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

/** The rows of a direction. @param images one image of each of `inputs`, in their order */
export function rowsOf(
  { left, right, offset }: Direction,
  { inputs, images, similarity, kernels, norms = normsOf(kernels) }: {
    readonly inputs: readonly tf.Tensor3D[];
    readonly images: readonly tf.Tensor2D[];
    readonly similarity: Similarity;
    readonly kernels: RowKernels;
    /** Shared by the directions between the same images. */
    readonly norms?: Norms;
  },
): SimilarityRows {
  const image = (x: tf.Tensor3D) => images[inputs.indexOf(x)]!;
  const parts = { left: image(left), right: image(right), ...(offset ? { offset: image(offset) } : {}) };
  return similarityRows(similarity, parts, { kernels, norms });
}

/** The gradient of every input, from what `pull` adds image by image. */
export function gradientsOf(
  inputs: readonly tf.Tensor3D[],
  kernels: RowKernels,
  pull: (n: number, images: readonly tf.Tensor2D[], sums: Sums) => void,
): tf.Tensor3D[] {
  const byImage = Array.from({ length: inputs[0]!.shape[0] }, (_, n) => {
    const images = imagesOf(inputs, n);
    const sums = new Sums(kernels);
    pull(n, images, sums);
    return images.map((image) => sums.take(image));
  });
  return inputs.map((x, k) => {
    const gradients = byImage.map((images) => images[k]!);
    return tf.reshape(gradients.length === 1 ? gradients[0]! : tf.concat(gradients), x.shape) as tf.Tensor3D;
  });
}
