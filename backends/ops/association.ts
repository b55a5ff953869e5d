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
import { deviceAssociation } from "./device_streaming/association.ts";
import { kernels } from "./kernels.ts";
import { direction, distinctInputs, gradientsOf, imagesOf, rowsOf } from "./streaming/directions.ts";
import type { Sums } from "./streaming/sums.ts";
import type { RowKernels } from "./streaming/row_kernels.ts";
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
  const { rows, deviceRows } = kernels();
  return deviceRows
    ? deviceAssociation([source, target], labels, { ...options, kernels: deviceRows })
    : streamedAssociation([source, target], labels, { ...options, kernels: rows });
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
      return scoped(() => findRows(tables(imagesOf(inputs, n)), { ...options, labels: own }));
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
          st.finish(sums);
        });
      },
    };
  });
  const loss = op(...inputs) as tf.Scalar;
  return { loss, associated: tf.scalar(associated / (count * pixels)) };
}

/** Frees every tensor that `compute` makes; what it returns lies on the host. */
function scoped<T>(compute: () => T): T {
  let result: T;
  tf.tidy(() => void (result = compute()));
  return result!;
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

interface Tables {
  readonly st: SimilarityRows;
  readonly ts: SimilarityRows;
}

/** Follows source to target to source. */
function findRows(tables: Tables, options: Streamed & { readonly labels: Int32Array }): Found {
  const { labels, ignoreLabel, objective } = options;
  const { forward, homeward } = findPeaks(tables, options);
  const counts = new Float32Array(tables.ts.rows);
  const starts: number[] = [];
  let total = 0;
  forward.peaks.columns.forEach((target, pixel) => {
    const label = labels[pixel]!;
    // What cannot be compared is not to pass for a pixel without a cycle.
    if (Number.isNaN(forward.peaks.values[pixel]!)) total = NaN;
    if (label === ignoreLabel || labels[homeward.peaks.columns[target]!] !== label) return;
    starts.push(pixel);
    counts[target]!++;
  });
  const weighted = (indices: Int32Array, weights: Float32Array, summaries: Summaries): WeightedRows => ({
    indices,
    weights,
    columns: indices.map((row) => summaries.peaks.columns[row]!),
    summaries,
  });
  const chosen = everyRow(tables.ts.rows).filter((target) => counts[target]! > 0);
  const ofStarts = weighted(Int32Array.from(starts), new Float32Array(starts.length).fill(1), forward);
  const ofChosen = weighted(chosen, Float32Array.from(chosen, (target) => counts[target]!), homeward);
  if (options.similarity.symmetric && objective === "contrastive") {
    summariseRows(tables.ts, ofChosen, options);
  }
  const score = ({ indices, weights, summaries }: WeightedRows) =>
    indices.reduce((sum, row, k) => {
      const value = summaries.peaks.values[row]!;
      return sum + weights[k]! * (objective === "direct" ? value : summaries.logSoftmax(row, value));
    }, 0);
  total += score(ofStarts) + score(ofChosen);
  return { total, starts: ofStarts, chosen: ofChosen };
}

interface FoundPeaks {
  readonly forward: Summaries;
  /**
   * By target pixel. Of a symmetric similarity they are the columns of the first matrix, and only their peaks are
   * known; of others the rows of a second one, of the pixels that some source pixel chose.
   */
  readonly homeward: Summaries;
}

/** Where both directions have their maxima. */
function findPeaks({ st, ts }: Tables, { similarity, kernels, contrast }: Streamed): FoundPeaks {
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

/**
 * Rows whose peaks are columns of the transposed matrix. The peaks' values are read anew: the rounding of another
 * product would be seen where all similarities of a row are alike.
 */
function summariseRows(
  d: SimilarityRows,
  { indices, columns, summaries }: WeightedRows,
  { kernels, contrast }: Streamed,
): void {
  const own = new Summaries(d.rows), all = everyRow(d.columns);
  forEachBlock(indices, d.blockRows, (block, start) => {
    const values = kernels.valuesOf(
      kernels.summarise(d.compare(block, all), { indices: block, contrast, summaries: own }),
    );
    block.forEach((row, k) => {
      summaries.peaks.values[row] = values[k * d.columns + columns[start + k]!]!;
      summaries.mean[row] = own.mean[row]!;
      summaries.inverse[row] = own.inverse[row]!;
      summaries.logSum[row] = own.logSum[row]!;
    });
  });
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
  const all = everyRow(d.columns);
  forEachBlock(indices, d.tileRows, (rows, start) => {
    const peaks = columns.subarray(start, start + rows.length);
    const lift = weights.slice(start, start + rows.length).map((weight) => factor * weight);
    if (objective === "direct") {
      lift.forEach((_, k) => lift[k]! *= d.cellScale(rows[k]!, peaks[k]!));
      return forEachBlock(all, d.tileColumns, (tile, from) => {
        const none = tf.zeros([rows.length, tile.length]) as tf.Tensor2D;
        d.pull({ rows, columns: tile, g: kernels.addToCells(none, placesIn(tile, from, peaks), lift) }, sums);
      });
    }
    const fall = tf.tensor1d(lift.map((value, k) => -value * summaries.inverse[rows[k]!]!));
    const constants = { ...summaries.of(rows), factor: fall };
    forEachBlock(all, d.tileColumns, (tile, from) => {
      const own = { ...constants, columns: placesIn(tile, from, peaks) };
      d.pull({ rows, columns: tile, g: kernels.peakGradient(d.compare(rows, tile), own) }, sums);
    });
  });
}

/** Where some columns lie in a tile, -1 where they do not. */
function placesIn(tile: Int32Array, from: number, columns: Int32Array): Int32Array {
  return columns.map((column) => column >= from && column < from + tile.length ? column - from : -1);
}
