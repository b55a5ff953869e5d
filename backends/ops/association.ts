/**
 * Cycle association between the pixels of two images (Kang et al. 2020, Eq. 1-6), in memory that grows with the pixels.
 *
 * Both factors of the loss are read at a row's maximum: the source pixel's row at its best target pixel, and that
 * target pixel's row at its best source pixel. So the loss is a weighted sum over rows of "how far the maximum
 * stands out": with the weight 1 for every associated source pixel, and with each target pixel's number of
 * associated source pixels. Rows of weight 0 need no gradient, and target pixels nobody chose are never looked at.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { denseAssociation } from "./association_dense.ts";
import { kernels } from "./kernels.ts";
import { direction, distinctInputs, gradientsOf, imagesOf, rowsOf } from "./streaming/directions.ts";
import type { Sums } from "./streaming/sums.ts";
import type { RowKernels, RowSummary } from "./streaming/row_kernels.ts";
import { everyRow, forEachBlock, type SimilarityRows } from "./streaming/similarity_rows.ts";
import { Summaries } from "./streaming/summaries.ts";

/** What {@linkcode associationLoss} compares and how. */
export interface AssociationOptions {
  readonly similarity: Similarity;
  /** Contrast-normalise the similarities (Eq. 4); without it, a plain softmax. */
  readonly contrast: boolean;
  /** `contrastive`: Eq. 3 and 6; `direct`: the associated similarities themselves. */
  readonly objective: "contrastive" | "direct";
  readonly ignoreLabel: number;
}

/** The loss and what it was computed over. */
export interface AssociationResult {
  /** Mean over the associated pixels of all images; 0 when there are none. */
  readonly loss: tf.Scalar;
  /** Share of source pixels that are associated, in [0, 1]. */
  readonly associated: tf.Scalar;
}

/**
 * The association loss. Ignored source pixels start no cycle and stay candidates in everything else.
 * @param source float32 [N, P, C] @param target float32 [N, Q, C] @param labels int32 [N, P], of the source
 */
export function associationLoss(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  options: AssociationOptions,
): AssociationResult {
  const rowKernels = kernels().rows;
  return rowKernels === undefined
    ? denseAssociation([source, target], labels, options)
    : streamedAssociation([source, target], labels, { ...options, kernels: rowKernels });
}

interface Streamed extends AssociationOptions {
  readonly kernels: RowKernels;
}

function streamedAssociation(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  options: Streamed,
): AssociationResult {
  const { similarity, kernels } = options;
  const there = direction(similarity, source, target), back = direction(similarity, target, source);
  const inputs = distinctInputs([there, back]);
  const tables = (images: readonly tf.Tensor2D[]) => {
    const given = { inputs, images, similarity, kernels };
    return { st: rowsOf(there, given), ts: rowsOf(back, given) };
  };
  const [count, pixels] = labels.shape;
  const ids = labels.dataSync() as Int32Array;
  let associated = 0;
  const op = tf.customGrad((...args) => {
    const save = args[inputs.length] as unknown as tf.GradSaveFunc;
    const found = Array.from({ length: count }, (_, n) => {
      const own = ids.subarray(n * pixels, (n + 1) * pixels);
      return findRows(tables(imagesOf(inputs, n)), { ...options, labels: own });
    });
    associated = found.reduce((sum, { starts }) => sum + starts.indices.length, 0);
    const scale = -1 / Math.max(1, associated);
    save(inputs);
    return {
      value: tf.scalar(scale * found.reduce((sum, { total }) => sum + total, 0)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const factor = scale * dy.dataSync()[0]!;
        return gradientsOf(saved as tf.Tensor3D[], kernels, (n, images, sums) => {
          const { st, ts } = tables(images);
          pullRows(st, found[n]!.starts, { ...options, factor, sums });
          pullRows(ts, found[n]!.chosen, { ...options, factor, sums });
          if (similarity.product?.unit) images.forEach((image) => sums.fromUnit(image));
        });
      },
    };
  });
  const loss = op(...inputs) as tf.Scalar;
  return { loss, associated: tf.scalar(associated / (count * pixels)) };
}

/** Rows with a weight, and where their maximum lies. */
interface WeightedRows {
  /** Ascending. */
  readonly indices: Int32Array;
  readonly weights: Float32Array;
  /** The column of the maximum. */
  readonly columns: Int32Array;
  readonly summaries: Summaries;
}

interface Found {
  /** Sum over the rows of weight * score. */
  readonly total: number;
  /** Associated source pixels. */
  readonly starts: WeightedRows;
  /** Target pixels they chose, as often as they did. */
  readonly chosen: WeightedRows;
}

/** Follows source to target to source. */
function findRows(
  { st, ts }: { readonly st: SimilarityRows; readonly ts: SimilarityRows },
  options: Streamed & { readonly labels: Int32Array },
): Found {
  const { labels, ignoreLabel } = options;
  const forward = scan(st, everyRow(st.rows), options);
  const candidates = Int32Array.from(new Set(forward.columns)).sort();
  const homeward = scan(ts, candidates, options);
  const place = new Int32Array(ts.rows);
  candidates.forEach((target, k) => place[target] = k);
  const counts = new Float32Array(candidates.length);
  const starts: number[] = [];
  let total = 0;
  forward.columns.forEach((target, pixel) => {
    const label = labels[pixel]!;
    const k = place[target]!;
    if (label === ignoreLabel || labels[homeward.columns[k]!] !== label) return;
    starts.push(pixel);
    counts[k]!++;
    total += forward.scores[pixel]! + homeward.scores[k]!;
  });
  const picked = Int32Array.from(candidates.keys()).filter((k) => counts[k]! > 0);
  return {
    total,
    starts: {
      indices: Int32Array.from(starts),
      weights: new Float32Array(starts.length).fill(1),
      columns: Int32Array.from(starts, (pixel) => forward.columns[pixel]!),
      summaries: forward.summaries,
    },
    chosen: {
      indices: picked.map((k) => candidates[k]!),
      weights: Float32Array.from(picked, (k) => counts[k]!),
      columns: picked.map((k) => homeward.columns[k]!),
      summaries: homeward.summaries,
    },
  };
}

/** The maximum of every row: where it is, and log softmax there or, for `direct`, its value. */
function scan(d: SimilarityRows, indices: Int32Array, { kernels, contrast, objective }: Streamed) {
  const columns = new Int32Array(indices.length), scores = new Float32Array(indices.length);
  const summaries = new Summaries(d.rows);
  forEachBlock(d, indices, (block, start) => {
    const values = d.compare(block);
    const peaks = tf.max(values, 1, true) as tf.Tensor2D;
    columns.set(tf.argMax(values, 1).dataSync(), start);
    if (objective === "direct") {
      scores.set(peaks.dataSync(), start);
      return;
    }
    const summary = kernels.summarise(values, contrast);
    summaries.set(block, summary);
    scores.set(logSoftmax(peaks, summary).dataSync(), start);
  });
  return { columns, scores, summaries };
}

function logSoftmax(d: tf.Tensor2D, { mean, inverse, logSum }: RowSummary): tf.Tensor2D {
  return tf.sub(tf.mul(tf.sub(d, mean), inverse), logSum);
}

interface Pull extends Streamed {
  readonly factor: number;
  readonly sums: Sums;
}

/** The gradient of factor * sum over rows of weight * score. */
function pullRows(
  d: SimilarityRows,
  { indices, weights, columns, summaries }: WeightedRows,
  options: Pull,
): void {
  const { kernels, objective, factor, sums } = options;
  const direct = objective === "direct";
  forEachBlock(d, indices, (block, start) => {
    const end = start + block.length;
    const lift = weights.slice(start, end);
    lift.forEach((weight, k) => lift[k] = factor * weight * (direct ? 1 : summaries.inverse(block[k]!)));
    const fall = tf.tensor2d(lift.map((value) => -value), [block.length, 1]);
    const g = direct
      ? tf.zeros([block.length, d.columns]) as tf.Tensor2D
      : kernels.softmax(d.compare(block), summaries.of(block), fall);
    d.pull(block, kernels.addToCells(g, columns.subarray(start, end), lift), sums);
  });
}
