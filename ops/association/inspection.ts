/**
 * Looking into association and aggregation, for the explorer and for diagnostics: single rows of their
 * similarity matrices, and where cycles lead. The kernels, blocks and rounding are those of training. It
 * needs a backend whose tensors can be read at once (all but WebGPU).
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

/**
 * Follows the cycles of one pair of images. Labels play no part: whether a cycle counts is for
 * `cycleOutcome`.
 * @param source float32 [1, P, C] @param target float32 [1, Q, C], aggregated if the level aggregates
 */
export function associationCycles(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  similarity: Similarity,
): Cycles {
  return scoped(() => {
    const { rows } = kernels();
    const { inputs, tables } = bothDirections([source, target], { similarity, kernels: rows });
    // Contrast normalisation moves and stretches a row, so its maximum stays where it is.
    const peaks = findPeaks(tables(imagesOf(inputs, 0)), { similarity, kernels: rows, contrast: false });
    const { columns, values } = peaks.forward.peaks;
    const home = peaks.homeward.peaks.columns;
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

/** Which row is looked at, and how it is computed. */
export interface RowWanted {
  /** In 0 .. P - 1. */
  readonly row: number;
  readonly similarity: Similarity;
  /** Contrast-normalise it (Kang et al. 2020, Eq. 5-6). */
  readonly contrast: boolean;
}

/**
 * D(a, b) of pixel `row` of `a` with all pixels of `b`, and what the softmax makes of it.
 * @param a float32 [1, P, C] @param b float32 [1, Q, C]; may be `a`, for a row of the aggregation
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
    // The whole block of training that holds the row: a product of another shape would be rounded
    // differently.
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
