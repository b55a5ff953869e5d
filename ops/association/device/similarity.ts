/**
 * The similarity matrix D of two images, of which only one block of rows exists at a time. `compare` computes
 * a block, and `pull` takes the gradient of a block back to the factors of D:
 *
 *   D = L R^T + o,   dL_B = g R,   dR = sum over blocks g^T L_B,   do_B = row sums of g
 *
 * Where the similarity compares directions (cosine), L and R are the pixels at length 1. They are computed
 * once an image, and at the end the gradient of the unit vectors is taken back to the pixels: dx = (du - u (u
 * . du)) / |x|. A similarity without a product is computed by its `pairwise`, whose gradient tfjs takes block
 * by block.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../../core/plugin.ts";
import { gradients as gradientsOf } from "../../gradients.ts";
import type { Direction } from "../directions.ts";
import { inverseNorms, unitGradient } from "../../unit.ts";
import { type BlockResults, type RowRange, sliceRows } from "./blocks.ts";

/** One image of every input of the operator, float32 [P, K], with what D is computed from. */
export interface PreparedImages {
  readonly inputs: readonly tf.Tensor3D[];
  readonly images: readonly tf.Tensor2D[];
  /** The images, with vectors of length 1 if the similarity compares directions. */
  readonly factors: readonly tf.Tensor2D[];
}

/** Prepares one image of every input. @param images one image of each of `inputs`, in their order */
export function prepareImages(
  similarity: Similarity,
  inputs: readonly tf.Tensor3D[],
  images: readonly tf.Tensor2D[],
): PreparedImages {
  const factors = similarity.product?.unit
    ? images.map((image) => tf.tidy(() => tf.mul(image, inverseNorms(image)) as tf.Tensor2D))
    : images;
  return { inputs, images, factors };
}

/** D in one direction: P rows, Q columns. */
export interface DeviceRows {
  readonly rows: number;
  readonly columns: number;
  readonly blockRows: number;
  /** float32 [B, Q] */
  compare(block: RowRange): tf.Tensor2D;
  /**
   * The gradient of the factors that belongs to `g` [B, Q], the gradient of a block: `rows` of the left
   * factor and of the offset, `sums` of the right factor.
   */
  pull(block: RowRange, g: tf.Tensor2D): BlockResults;
  /** Adds the joined results of `pull` to the gradients of the factors. */
  collect(pulled: BlockResults, gradients: FactorGradients): void;
}

/** The gradient of each input's factor; undefined where nothing was added yet. */
export type FactorGradients = (tf.Tensor2D | undefined)[];

/**
 * The rows of `similarity` in one direction. @param blockRows how many rows a block of so many columns has
 */
export function deviceRows(
  similarity: Similarity,
  { left, right, offset }: Direction,
  { inputs, factors, blockRows }: PreparedImages & { readonly blockRows: (columns: number) => number },
): DeviceRows {
  const place = (x: tf.Tensor3D) => inputs.indexOf(x);
  const parts = {
    left: factors[place(left)]!,
    right: factors[place(right)]!,
    ...(offset ? { offset: factors[place(offset)]! } : {}),
  };
  const columns = parts.right.shape[0];
  const rowParts = offset ? [left, offset] : [left];
  return {
    rows: parts.left.shape[0],
    columns,
    blockRows: blockRows(columns),
    ...similarity.product ? productRows(parts) : pairwiseRows(parts, similarity),
    collect({ rows, sums }, gradients) {
      const add = (x: tf.Tensor3D, gradient: tf.Tensor2D) => {
        const before = gradients[place(x)];
        gradients[place(x)] = before ? tf.add(before, gradient) : gradient;
      };
      rowParts.forEach((x, k) => add(x, rows[k]!));
      add(right, sums[0]!);
    },
  };
}

interface Parts {
  readonly left: tf.Tensor2D;
  readonly right: tf.Tensor2D;
  readonly offset?: tf.Tensor2D;
}

type Computed = Pick<DeviceRows, "compare" | "pull">;

/** D = left right^T + offset */
function productRows({ left, right, offset }: Parts): Computed {
  return {
    compare: (block) =>
      tf.tidy(() => {
        const product = tf.matMul(sliceRows(left, block), right, false, true) as tf.Tensor2D;
        return offset ? tf.add(product, sliceRows(offset, block)) : product;
      }),
    pull: (block, g) => ({
      rows: [tf.matMul(g, right), ...(offset ? [tf.sum(g, 1, true) as tf.Tensor2D] : [])],
      sums: [tf.matMul(g, sliceRows(left, block), true, false)],
    }),
  };
}

/** D of any similarity. Its own gradient is computed for each block. */
function pairwiseRows({ left, right }: Parts, similarity: Similarity): Computed {
  const pairwise = (...[a, b]: tf.Tensor[]) =>
    similarity.pairwise(tf.expandDims(a!) as tf.Tensor3D, tf.expandDims(b!) as tf.Tensor3D);
  return {
    compare: (block) => tf.tidy(() => tf.squeeze(pairwise(sliceRows(left, block), right), [0])),
    pull(block, g) {
      // A clone: the rows may be the tensor `right` itself, and the two sides need separate gradients.
      const inputs = [tf.clone(sliceRows(left, block)), right];
      const [a, b] = gradientsOf(() => pairwise(...inputs), inputs, tf.expandDims(g)).grads;
      return { rows: [a as tf.Tensor2D], sums: [b as tf.Tensor2D] };
    },
  };
}

/** The gradients of one image of every input, from those of its factor; zeros where nothing was added. */
export function imageGradients(
  similarity: Similarity,
  { images, factors }: PreparedImages,
  gradients: FactorGradients,
): tf.Tensor2D[] {
  return images.map((image, k) => {
    const gradient = gradients[k];
    if (gradient === undefined) return tf.zerosLike(image);
    if (!similarity.product?.unit) return gradient;
    return tf.tidy(() => unitGradient(gradient, factors[k]!, inverseNorms(image)) as tf.Tensor2D);
  });
}
