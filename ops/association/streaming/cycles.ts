/**
 * Following cycles on the host: which target pixel every source pixel is most similar to, and which source
 * pixel that one leads back to (Eq. 2 and 3). Think of the two matrices D(source, target) and D(target,
 * source), passed over once by blocks of rows; what stays is where each row, and of a symmetric D each
 * column, has its peak.
 */
import type * as tf from "@tensorflow/tfjs-core";
import { direction, distinctInputs } from "../directions.ts";
import type { AssociationOptions } from "../options.ts";
import { everyRow, forEachBlock } from "./blocks.ts";
import { directionRows } from "./images.ts";
import type { RowKernels } from "./row_kernels.ts";
import { normsOf, type SimilarityRows } from "./similarity_rows.ts";
import { Summaries } from "./summaries.ts";

/** What is associated and how, with the backend's kernels. */
export type Options = AssociationOptions & { readonly kernels: RowKernels };

/**
 * Prepares D(source, target) and D(target, source): `inputs` are the tensors that both are computed from (the
 * inputs of the differentiable operator), and `tables` gives the two for one image.
 */
export function bothDirections(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  { similarity, kernels }: Pick<Options, "similarity" | "kernels">,
) {
  const there = direction(similarity, source, target), back = direction(similarity, target, source);
  const inputs = distinctInputs([there, back]);
  return {
    /** What they are computed from. */
    inputs,
    /** @param images one image of each input, as `imagesOf` gives them */
    tables(images: readonly tf.Tensor2D[]): Tables {
      const given = { inputs, images, similarity, kernels, norms: normsOf(kernels) };
      return { st: directionRows(there, given), ts: directionRows(back, given) };
    },
  };
}

/** Similarities from source to target and from target to source. */
export interface Tables {
  readonly st: SimilarityRows;
  readonly ts: SimilarityRows;
}

/** Where both directions have their maxima: i to j* and j to i*. */
export interface CyclePeaks {
  readonly forward: Summaries;
  /**
   * By target pixel. If the similarity is symmetric, they were read off the columns of D(source, target):
   * only the peaks are filled in, of all target pixels. Otherwise they are rows of D(target, source),
   * complete, but only of the target pixels that some source pixel chose.
   */
  readonly homeward: Summaries;
}

/**
 * Compares every source pixel's row once and, unless the similarity is symmetric, the rows of the chosen
 * target pixels.
 */
export function findPeaks(
  { st, ts }: Tables,
  { similarity, kernels, contrast }: Pick<Options, "similarity" | "kernels" | "contrast">,
): CyclePeaks {
  const forward = new Summaries(st.rows), homeward = new Summaries(ts.rows);
  const { symmetric } = similarity;
  const targets = everyRow(st.columns), sources = everyRow(st.rows);
  forEachBlock(sources, st.blockRows, (indices) => {
    const columns = symmetric ? { columns: homeward.peaks } : {};
    kernels.summarise(st.compare(indices, targets), { indices, contrast, summaries: forward, ...columns });
  });
  if (!symmetric) {
    forEachBlock(Int32Array.from(new Set(forward.peaks.columns)).sort(), ts.blockRows, (indices) => {
      kernels.summarise(ts.compare(indices, sources), { indices, contrast, summaries: homeward });
    });
  }
  return { forward, homeward };
}
