/**
 * The association loss where values can be read within a step. Think of two passes over D, by blocks forward
 * and by tiles backward, with what the forward pass learned about each row between them on the host.
 *
 * Both factors of Eq. 4 are read at a row's maximum: the source pixel's row at its best target pixel, and
 * that target pixel's row at its best source pixel. So the loss is a weighted sum over rows of the score s,
 * the log softmax at the row's maximum:
 *
 *   loss = -1 / |I| (sum_i a_i s_i + sum_j n_j s_j)
 *
 * with the weight a_i = 1 for every associated source pixel, and n_j the number of associated source pixels
 * that chose the target pixel j. All other rows have the weight 0. They need no gradient, and rows of target
 * pixels that no source pixel chose are not even compared.
 *
 * The gradient of s in row i, mean and deviation being constants, is (1[peak] - softmax) inverse. A tile of D
 * is compared again, its cells become that times the row's weight, and two products add it to the gradients
 * of the features. The forward and the backward pass have to round D alike (see ../contrast.ts).
 *
 * Kept between the passes: the inputs, and on the host a summary and a weight for each row.
 */
import * as tf from "@tensorflow/tfjs-core";
import { solo } from "../../../core/world.ts";
import { scoped } from "../../scoped.ts";
import { imagesOf } from "../directions.ts";
import type { AssociationResult } from "../options.ts";
import { cycleOutcome } from "../outcome.ts";
import { everyRow, forEachBlock } from "./blocks.ts";
import { bothDirections, findPeaks, type Options, type Tables } from "./cycles.ts";
import { gradientsOf } from "./images.ts";
import type { SimilarityRows } from "./similarity_rows.ts";
import { Summaries } from "./summaries.ts";
import type { Sums } from "./sums.ts";

/** See {@linkcode associationLoss}. Labels are read at once; the gradient reads the slope of the loss. */
export function streamedAssociation(
  [source, target]: readonly [tf.Tensor3D, tf.Tensor3D],
  labels: tf.Tensor2D,
  options: Options,
): AssociationResult {
  const { similarity, kernels, world = solo } = options;
  const { inputs, tables } = bothDirections([source, target], { similarity, kernels });
  const [count, pixels] = labels.shape;
  const ids = labels.dataSync() as Int32Array;
  let associated = 0;
  const op = tf.customGrad((...args) => {
    const save = args[inputs.length] as unknown as tf.GradSaveFunc;
    const scored = Array.from({ length: count }, (_, n) => {
      const imageLabels = ids.subarray(n * pixels, (n + 1) * pixels);
      return scoped(() => scoreRows(tables(imagesOf(inputs, n)), { ...options, labels: imageLabels }));
    });
    associated = scored.reduce((sum, { starts }) => sum + starts.indices.length, 0);
    const [all] = world.sums(Float64Array.of(associated));
    const scale = -world.size / Math.max(1, all!);
    save(inputs);
    return {
      value: tf.scalar(scale * scored.reduce((sum, { total }) => sum + total, 0)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const factor = scale * dy.dataSync()[0]!;
        return gradientsOf(saved as tf.Tensor3D[], kernels, (n, images, sums) => {
          const both = tables(images), task = { ...options, factor, sums };
          if (similarity.symmetric) pullSymmetric(both, scored[n]!, task);
          else {
            pullRows(both.st, scored[n]!.starts, task);
            pullRows(both.ts, scored[n]!.chosen, task);
          }
          both.st.finish(sums);
        });
      },
    };
  });
  const loss = op(...inputs) as tf.Scalar;
  return { loss, associated: tf.scalar(associated / (count * pixels)) };
}

/**
 * Rows with a weight above 0, and where their maximum lies. `weights` and `columns` have an entry for each of
 * `indices`; `summaries` are of all rows.
 */
interface WeightedRows {
  /** Ascending. */
  readonly indices: Int32Array;
  readonly weights: Float32Array;
  /** The column of the maximum. */
  readonly columns: Int32Array;
  readonly summaries: Summaries;
}

/** The score of one image, and the rows that it depends on. */
interface Scored {
  /** Sum over the rows of weight * score. */
  readonly total: number;
  /** The rows of associated source pixels, weight 1 each. */
  readonly starts: WeightedRows;
  /** The rows of the target pixels that these chose, each with how many of them did as its weight. */
  readonly chosen: WeightedRows;
}

/** Follows the cycles of one image, and computes the scores of the rows that they give a weight. */
function scoreRows(tables: Tables, options: Options & { readonly labels: Int32Array }): Scored {
  const { labels, ignoreLabel, objective } = options;
  const { forward, homeward } = findPeaks(tables, options);
  const counts = new Float32Array(tables.ts.rows);
  const starts: number[] = [];
  let total = 0;
  forward.peaks.columns.forEach((target, pixel) => {
    const label = labels[pixel]!;
    // A row without a comparable value (NaN features) makes the loss NaN, or it would count as a pixel
    // without a cycle, and a network that has diverged would show the loss 0.
    if (Number.isNaN(forward.peaks.values[pixel]!)) total = NaN;
    const end = labels[homeward.peaks.columns[target]!]!;
    if (cycleOutcome([label, end], ignoreLabel) !== "consistent") return;
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

/**
 * Completes the summaries of the chosen target pixels of a symmetric D. Up to here only their peaks are
 * known, from columns of D(source, target); mean, inverse and log sum are of rows of D(target, source), which
 * are compared here. The value of the peak is read from this comparison too: where all similarities of a row
 * are alike, a difference in rounding between the two products would be multiplied by 1e10.
 */
function summariseRows(
  d: SimilarityRows,
  { indices, columns, summaries }: WeightedRows,
  { kernels, contrast }: Options,
): void {
  const compared = new Summaries(d.rows), all = everyRow(d.columns);
  forEachBlock(indices, d.blockRows, (block, start) => {
    const values = kernels.valuesOf(
      kernels.summarise(d.compare(block, all), { indices: block, contrast, summaries: compared }),
    );
    block.forEach((row, k) => {
      summaries.peaks.values[row] = values[k * d.columns + columns[start + k]!]!;
      summaries.mean[row] = compared.mean[row]!;
      summaries.inverse[row] = compared.inverse[row]!;
      summaries.logSum[row] = compared.logSum[row]!;
    });
  });
}

interface Pull extends Options {
  /** -1 / |I| times the gradient of the loss. */
  readonly factor: number;
  readonly sums: Sums;
}

/**
 * By weighted row, -factor * weight * inverse (`direct`: -factor * weight). The gradient of the loss in the
 * row is this times (softmax - 1[peak]), so that a step against it raises the peak and lowers all other
 * cells.
 */
function falls({ indices, weights, summaries }: WeightedRows, { objective, factor }: Pull): Float32Array {
  return weights.map((weight, k) =>
    -factor * weight * (objective === "direct" ? 1 : summaries.inverse[indices[k]!]!)
  );
}

/** The inverse of a list: for each of `pixels` pixels its place in the list, -1 if it is not in there. */
function placesOf(list: Int32Array, pixels: number): Int32Array {
  const places = new Int32Array(pixels).fill(-1);
  list.forEach((pixel, k) => places[pixel] = k);
  return places;
}

/**
 * Adds the gradient of factor * sum over rows of weight * score to `sums`, as far as it lies in the columns
 * `others`.
 */
function pullRows(d: SimilarityRows, rows: WeightedRows, task: Pull, others = everyRow(d.columns)): void {
  const { kernels, objective, sums } = task;
  const fall = falls(rows, task);
  forEachBlock(others, d.tileColumns, (columns) => {
    const places = placesOf(columns, d.columns);
    forEachBlock(rows.indices, d.tileRows, (tile, start) => {
      const tileFall = fall.subarray(start, start + tile.length);
      const peaks = rows.columns.subarray(start, start + tile.length).map((column) => places[column]!);
      if (objective === "direct") {
        const lift = tileFall.map((value, k) =>
          peaks[k]! < 0 ? 0 : -value * d.cellScale(tile[k]!, columns[peaks[k]!]!)
        );
        const none = tf.zeros([tile.length, columns.length]) as tf.Tensor2D;
        return d.pull({ rows: tile, columns, g: kernels.addToCells(none, peaks, lift) }, sums);
      }
      const softmax = { ...rows.summaries.of(tile), factor: tf.tensor1d(tileFall), places: peaks };
      d.pull({ rows: tile, columns, g: kernels.peakGradient(d.compare(tile, columns), softmax) }, sums);
    });
  });
}

/**
 * The same for both directions of a symmetric D. A tile of D whose rows are associated source pixels holds
 * cells of the softmax of its rows and of the softmax of its columns (the chosen target pixels), so it is
 * compared once for both. What then remains of the columns' softmax lies at the source pixels that are not
 * associated; `pullRows` adds it with these as `others`.
 */
function pullSymmetric({ st, ts }: Tables, { starts, chosen }: Scored, task: Pull): void {
  const { kernels, objective, sums } = task;
  if (objective === "direct") {
    pullRows(st, starts, task);
    return pullRows(ts, chosen, task);
  }
  const fall = falls(starts, task);
  const columnFall = new Float32Array(st.columns), peakRows = new Int32Array(st.columns).fill(-1);
  falls(chosen, task).forEach((value, k) => {
    columnFall[chosen.indices[k]!] = value;
    peakRows[chosen.indices[k]!] = chosen.columns[k]!;
  });
  forEachBlock(starts.indices, st.tileRows, (rows, start) => {
    const rowPlaces = placesOf(rows, st.rows);
    const peaks = starts.columns.subarray(start, start + rows.length);
    const ofRows = {
      ...starts.summaries.of(rows),
      factor: tf.tensor1d(fall.subarray(start, start + rows.length)),
    };
    forEachBlock(everyRow(st.columns), st.tileColumns, (columns, from) => {
      const places = peaks.map((column) =>
        column >= from && column < from + columns.length ? column - from : -1
      );
      const ofColumns = {
        ...chosen.summaries.of(columns),
        factor: tf.tensor1d(columnFall.subarray(from, from + columns.length)),
        places: peakRows.subarray(from, from + columns.length).map((row) => row < 0 ? -1 : rowPlaces[row]!),
      };
      const g = kernels.peakGradient(st.compare(rows, columns), { ...ofRows, places }, ofColumns);
      st.pull({ rows, columns, g }, sums);
    });
  });
  const isStart = placesOf(starts.indices, st.rows);
  pullRows(ts, chosen, task, everyRow(st.rows).filter((row) => isStart[row]! < 0));
}
