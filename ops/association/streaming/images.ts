/**
 * From the inputs of a differentiable operator to the rows of D of one image, and from the sums of one image
 * back to the gradients of the inputs. Images are computed one after the other: a batch needs no more memory
 * for D than an image.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import { type Direction, imagesOf, joinImages } from "../directions.ts";
import type { RowKernels } from "./row_kernels.ts";
import { type Norms, normsOf, type SimilarityRows, similarityRows } from "./similarity_rows.ts";
import { Sums } from "./sums.ts";

/**
 * The rows of D in one direction, of one image. @param images one image of each of `inputs`, in their order
 */
export function directionRows(
  { left, right, offset }: Direction,
  { inputs, images, similarity, kernels, norms = normsOf(kernels) }: {
    readonly inputs: readonly tf.Tensor3D[];
    readonly images: readonly tf.Tensor2D[];
    readonly similarity: Similarity;
    readonly kernels: RowKernels;
    /** Given so that the two directions between the same images compute their norms once; absent: its own. */
    readonly norms?: Norms;
  },
): SimilarityRows {
  const image = (x: tf.Tensor3D) => images[inputs.indexOf(x)]!;
  const parts = { left: image(left), right: image(right), ...(offset ? { offset: image(offset) } : {}) };
  return similarityRows(similarity, parts, { kernels, norms });
}

/** The gradient of every input. @param pull called for each image, adds its gradients to `sums` */
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
  return joinImages(inputs, byImage);
}
