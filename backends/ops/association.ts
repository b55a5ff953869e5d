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
import { columnPeaks, emptyPeaks, type Peaks, rowPeaks } from "./streaming/peaks.ts";
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
  const { labels, ignoreLabel, objective } = options;
  const { forward, homeward, summaries } = findPeaks({ st, ts }, options);
  const counts = new Float32Array(ts.rows);
  const starts: number[] = [];
  let total = 0;
  forward.columns.forEach((target, pixel) => {
    const label = labels[pixel]!;
    // What cannot be compared is not to pass for a pixel without a cycle.
    if (Number.isNaN(forward.values[pixel]!)) total = NaN;
    if (label === ignoreLabel || labels[homeward.columns[target]!] !== label) return;
    starts.push(pixel);
    counts[target]!++;
    if (objective === "direct") total += forward.values[pixel]! + homeward.values[target]!;
  });
  const rows = (indices: Int32Array, weights: Float32Array, { columns }: Peaks) => ({
    indices,
    weights,
    columns: indices.map((row) => columns[row]!),
  });
  const chosen = everyRow(ts.rows).filter((target) => counts[target]! > 0);
  const ofStarts = {
    ...rows(Int32Array.from(starts), new Float32Array(starts.length).fill(1), forward),
    summaries: summaries ?? new Summaries(st.rows),
  };
  const ofChosen = {
    ...rows(chosen, Float32Array.from(chosen, (target) => counts[target]!), homeward),
    summaries: new Summaries(ts.rows),
  };
  if (objective === "contrastive") {
    if (summaries === undefined) summariseRows(st, ofStarts, { ...options, peaks: forward });
    summariseRows(ts, ofChosen, { ...options, peaks: homeward });
    const score = ({ indices, weights, summaries }: WeightedRows, { values }: Peaks) =>
      indices.reduce((sum, row, k) => sum + weights[k]! * summaries.logSoftmax(row, values[row]!), 0);
    total += score(ofStarts, forward) + score(ofChosen, homeward);
  }
  return { total, starts: ofStarts, chosen: ofChosen };
}

interface FoundPeaks {
  readonly forward: Peaks;
  /** By target pixel; of a similarity that is not symmetric only for those that some source pixel chose. */
  readonly homeward: Peaks;
  /** Of the source pixels, where they came with little more work. */
  readonly summaries: Summaries | undefined;
}

/** Where both directions have their maxima: from one matrix if the similarity is symmetric. */
function findPeaks(
  { st, ts }: { readonly st: SimilarityRows; readonly ts: SimilarityRows },
  { similarity, kernels, contrast, objective }: Streamed,
): FoundPeaks {
  const forward = emptyPeaks(st.rows), homeward = emptyPeaks(ts.rows);
  // To compare deep pixels again costs more than to summarise rows that may not matter.
  const summaries = st.deep && objective === "contrastive" ? new Summaries(st.rows) : undefined;
  forEachBlock(st, everyRow(st.rows), (block) => {
    const d = st.compare(block);
    summaries?.set(block, kernels.summarise(d, contrast));
    const values = kernels.valuesOf(d);
    rowPeaks(values, block, forward);
    if (similarity.symmetric) columnPeaks(values, block, homeward);
  });
  if (!similarity.symmetric) {
    const candidates = Int32Array.from(new Set(forward.columns)).sort();
    forEachBlock(ts, candidates, (block) => rowPeaks(kernels.valuesOf(ts.compare(block)), block, homeward));
  }
  return { forward, homeward, summaries };
}

/** Peaks are read anew: rounding of another product would be seen where all similarities of a row are alike. */
function summariseRows(
  d: SimilarityRows,
  { indices, columns, summaries }: WeightedRows,
  { kernels, contrast, peaks }: Streamed & { readonly peaks: Peaks },
): void {
  forEachBlock(d, indices, (block, start) => {
    const similarities = d.compare(block);
    summaries.set(block, kernels.summarise(similarities, contrast));
    const values = kernels.valuesOf(similarities);
    block.forEach((row, k) => peaks.values[row] = values[k * d.columns + columns[start + k]!]!);
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
