/**
 * The association loss where values can be read within a step. Think of two passes over D, by blocks forward
 * and by tiles backward, with what the forward pass learned about each row between them on the host.
 *
 * Both factors of Eq. 4 are read at a row's maximum: the source pixel's row at its best target pixel, and
 * that target pixel's row at its best source pixel. So the loss is a weighted sum over rows of "how far the
 * maximum stands out": with the weight 1 for every associated source pixel, and with each target pixel's
 * number of associated source pixels. Rows of weight 0 need no gradient, and target pixels that no source
 * pixel chose are never looked at.
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

/** As `associationLoss`. */
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
      const own = ids.subarray(n * pixels, (n + 1) * pixels);
      return scoped(() => scoreRows(tables(imagesOf(inputs, n)), { ...options, labels: own }));
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

/** Rows with a weight, and where their maximum lies. */
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
  /** Associated source pixels. */
  readonly starts: WeightedRows;
  /** Target pixels they chose, as often as they did. */
  readonly chosen: WeightedRows;
}

/** Follows source to target to source. */
function scoreRows(tables: Tables, options: Options & { readonly labels: Int32Array }): Scored {
  const { labels, ignoreLabel, objective } = options;
  const { forward, homeward } = findPeaks(tables, options);
  const counts = new Float32Array(tables.ts.rows);
  const starts: number[] = [];
  let total = 0;
  forward.peaks.columns.forEach((target, pixel) => {
    const label = labels[pixel]!;
    // What cannot be compared is not to pass for a pixel without a cycle.
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
 * Rows whose peaks are columns of the transposed matrix. The peaks' values are read anew: the rounding of
 * another product would be seen where all similarities of a row are alike.
 */
function summariseRows(
  d: SimilarityRows,
  { indices, columns, summaries }: WeightedRows,
  { kernels, contrast }: Options,
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

interface Pull extends Options {
  readonly factor: number;
  readonly sums: Sums;
}

/** What a row's weight makes of a gradient: towards its peak, away from all others. */
function falls({ indices, weights, summaries }: WeightedRows, { objective, factor }: Pull): Float32Array {
  return weights.map((weight, k) =>
    -factor * weight * (objective === "direct" ? 1 : summaries.inverse[indices[k]!]!)
  );
}

/** Where each of some pixels stands in a list of them, -1 for the others. */
function placesOf(list: Int32Array, pixels: number): Int32Array {
  const places = new Int32Array(pixels).fill(-1);
  list.forEach((pixel, k) => places[pixel] = k);
  return places;
}

/** The gradient of factor * sum over rows of weight * score, in the columns `others` (all if absent). */
function pullRows(d: SimilarityRows, rows: WeightedRows, task: Pull, others = everyRow(d.columns)): void {
  const { kernels, objective, sums } = task;
  const fall = falls(rows, task);
  forEachBlock(others, d.tileColumns, (columns) => {
    const places = placesOf(columns, d.columns);
    forEachBlock(rows.indices, d.tileRows, (tile, start) => {
      const own = fall.subarray(start, start + tile.length);
      const peaks = rows.columns.subarray(start, start + tile.length).map((column) => places[column]!);
      if (objective === "direct") {
        const lift = own.map((value, k) =>
          peaks[k]! < 0 ? 0 : -value * d.cellScale(tile[k]!, columns[peaks[k]!]!)
        );
        const none = tf.zeros([tile.length, columns.length]) as tf.Tensor2D;
        return d.pull({ rows: tile, columns, g: kernels.addToCells(none, peaks, lift) }, sums);
      }
      const softmax = { ...rows.summaries.of(tile), factor: tf.tensor1d(own), places: peaks };
      d.pull({ rows: tile, columns, g: kernels.peakGradient(d.compare(tile, columns), softmax) }, sums);
    });
  });
}

/**
 * The same for both directions of a symmetric D: the rows of associated source pixels hold a part of the
 * columns of the chosen target pixels, which is compared once for both. What remains of those columns are the
 * other source pixels.
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
