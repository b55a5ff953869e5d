/**
 * Looking into association and aggregation: single rows of their similarity matrices, and where cycles lead.
 * By the kernels, blocks and rounding of training, on backends whose tensors can be read at once (all but
 * WebGPU).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { kernels } from "../kernels.ts";
import { scoped } from "../scoped.ts";
import { direction, distinctInputs, imagesOf } from "./directions.ts";
import { everyRow } from "./streaming/blocks.ts";
import { bothDirections, findPeaks } from "./streaming/cycles.ts";
import { directionRows } from "./streaming/images.ts";
import { Summaries } from "./streaming/summaries.ts";

/** Where the cycles of all source pixels lead, on the host; P source pixels. */
export interface Cycles {
  /** j*, [P]: the target pixel that each source pixel is most similar to, the first of equal ones. */
  readonly forward: Int32Array;
  /** [P]: how similar it is. NaN where nothing could be compared. */
  readonly similarity: Float32Array;
  /** i*, [P]: the source pixel that this target pixel is most similar to. */
  readonly back: Int32Array;
}

/** @param source float32 [1, P, C] @param target float32 [1, Q, C], aggregated where the level is */
export function associationCycles(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  similarity: Similarity,
): Cycles {
  return scoped(() => {
    const { rows } = kernels();
    const { inputs, tables } = bothDirections([source, target], { similarity, kernels: rows });
    // Contrast changes no maximum.
    const found = findPeaks(tables(imagesOf(inputs, 0)), { similarity, kernels: rows, contrast: false });
    const { columns, values } = found.forward.peaks;
    const home = found.homeward.peaks.columns;
    return { forward: columns, similarity: values, back: columns.map((target) => home[target]!) };
  });
}

/** One row of a similarity matrix, [Q] each. */
export interface InspectedRow {
  /** D. */
  readonly similarities: Float32Array;
  /** What enters the softmax: D, or with contrast (D - mean) / (deviation + 1e-10). */
  readonly normalised: Float32Array;
  /** The softmax, which sums to 1. */
  readonly weights: Float32Array;
}

/** Which row, and what becomes of it. */
export interface RowWanted {
  /** In 0 .. P - 1. */
  readonly row: number;
  readonly similarity: Similarity;
  /** Contrast-normalise it (Kang et al. 2020, Eq. 5-6). */
  readonly contrast: boolean;
}

/**
 * D(a, b) of one pixel of `a` with all of `b`.
 * @param a float32 [1, P, C] @param b float32 [1, Q, C], may be `a`
 */
export function similarityRow(
  [a, b]: readonly [tf.Tensor3D, tf.Tensor3D],
  { row, similarity, contrast }: RowWanted,
): InspectedRow {
  return scoped(() => {
    const { rows } = kernels();
    const there = direction(similarity, a, b);
    const inputs = distinctInputs([there]);
    const d = directionRows(there, { inputs, images: imagesOf(inputs, 0), similarity, kernels: rows });
    // The block that training looks at, for products of other shapes are rounded otherwise.
    const first = row - row % d.blockRows;
    const block = everyRow(d.rows).subarray(first, first + d.blockRows);
    const summaries = new Summaries(d.rows);
    const compared = rows.summarise(d.compare(block, everyRow(d.columns)), {
      indices: block,
      contrast,
      summaries,
    });
    const from = (row - first) * d.columns;
    const similarities = rows.valuesOf(compared).slice(from, from + d.columns);
    const softmax = { ...summaries.of(block), factor: tf.ones([block.length]) as tf.Tensor1D };
    const weights = rows.valuesOf(rows.softmax({ values: compared }, softmax)).slice(from, from + d.columns);
    const normalised = similarities.map((value) => (value - summaries.mean[row]!) * summaries.inverse[row]!);
    return { similarities, normalised, weights };
  });
}
