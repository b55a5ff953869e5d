import * as tf from "@tensorflow/tfjs-core";
import type { Similarity } from "../../core/plugin.ts";
import { deviceAggregate } from "./device_streaming/aggregation.ts";
import { kernels } from "./kernels.ts";
import { direction, distinctInputs, gradientsOf, imagesOf, rowsOf } from "./streaming/directions.ts";
import { Sums } from "./streaming/sums.ts";
import type { RowKernels } from "./streaming/row_kernels.ts";
import { everyRow, forEachBlock, type SimilarityRows } from "./streaming/similarity_rows.ts";
import { Summaries } from "./streaming/summaries.ts";

/** How {@linkcode aggregate} mixes pixels. */
export interface AggregationOptions {
  readonly similarity: Similarity;
  /** Share of the aggregated value, in [0, 1]; 0 leaves `x` as it is. */
  readonly alpha: number;
  /** Contrast-normalise the similarities before the softmax. */
  readonly contrast: boolean;
}

/**
 * Spatial aggregation (Kang et al. 2020, Eq. 7-9): every pixel is mixed with all pixels of its image, itself
 * included, x' = (1 - alpha) x + alpha softmax(D(x, x)) x. Gradients flow through weights and values. Memory grows with
 * the pixels.
 * @param x float32 [N, P, C] @returns float32 [N, P, C]; on a simplex the result stays on it
 */
export function aggregate(x: tf.Tensor3D, options: AggregationOptions): tf.Tensor3D {
  const { rows, deviceRows } = kernels();
  return deviceRows
    ? deviceAggregate(x, { ...options, kernels: deviceRows })
    : streamedAggregate(x, { ...options, kernels: rows });
}

interface Streamed extends AggregationOptions {
  readonly kernels: RowKernels;
}

function streamedAggregate(x: tf.Tensor3D, options: Streamed): tf.Tensor3D {
  const { similarity, kernels } = options;
  const self = direction(similarity, x, x);
  const inputs = [x, ...distinctInputs([self]).filter((input) => input !== x)];
  const rows = (images: readonly tf.Tensor2D[]) => rowsOf(self, { inputs, images, similarity, kernels });
  const op = tf.customGrad((...args) => {
    const save = args[inputs.length] as unknown as tf.GradSaveFunc;
    const byImage = Array.from({ length: x.shape[0] }, (_, n) => {
      const images = imagesOf(inputs, n);
      return aggregateRows(rows(images), images[0]!, options);
    });
    const results = byImage.map((image) => image.result);
    const value = tf.reshape(results.length === 1 ? results[0]! : tf.concat(results), x.shape) as tf.Tensor3D;
    save([...inputs, value]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [given, mixed] = [saved.slice(0, -1) as tf.Tensor3D[], saved.at(-1) as tf.Tensor3D];
        return gradientsOf(given, kernels, (n, images, sums) => {
          const [slope, result] = imagesOf([dy as tf.Tensor3D, mixed], n);
          const task = {
            values: images[0]!,
            slope: slope!,
            result: result!,
            summaries: byImage[n]!.summaries,
            ...options,
            sums,
          };
          const unit = similarity.product?.unit ?? false;
          if (unit && similarity.symmetric && inputs.length === 1) return pullSymmetric(rows(images), task);
          // Gradients of unit vectors cannot be added to others before they are turned into the pixels' own.
          const ofWeights = new Sums(kernels);
          pullRows(rows(images), { ...task, ofWeights });
          for (const image of images) {
            if (unit) ofWeights.fromUnit(image);
            sums.addRows(image, everyRow(image.shape[0]), ofWeights.take(image));
          }
        });
      },
    };
  });
  return op(...inputs) as tf.Tensor3D;
}

function aggregateRows(d: SimilarityRows, values: tf.Tensor2D, { alpha, contrast, kernels }: Streamed) {
  const summaries = new Summaries(d.rows);
  const result = new Sums(kernels);
  forEachBlock(d, everyRow(d.rows), (block) => {
    const similarities = d.compare(block);
    const summary = kernels.summarise(similarities, contrast);
    summaries.set(block, summary);
    const mixed = tf.matMul(kernels.softmax(similarities, summary), values);
    const kept = tf.mul(kernels.takeRows(values, block), 1 - alpha);
    result.addRows(values, block, tf.add(kept, tf.mul(mixed, alpha)));
  });
  return { result: result.take(values), summaries };
}

interface Pull extends Streamed {
  readonly values: tf.Tensor2D;
  /** The gradient of what was aggregated. */
  readonly slope: tf.Tensor2D;
  /** What came out of the aggregation. */
  readonly result: tf.Tensor2D;
  readonly summaries: Summaries;
  readonly sums: Sums;
}

/** Sum of weight * dWeight over some rows, [B, 1]: the slope along what the weights mixed, alpha times the mean. */
function alongRows(block: Int32Array, { values, slope, result, alpha, kernels }: Pull): tf.Tensor2D {
  const [x, dy, y] = [values, slope, result].map((image) => kernels.takeRows(image, block));
  return tf.sum(tf.mul(dy!, tf.sub(y!, tf.mul(x!, 1 - alpha))), 1, true);
}

function pullRows(d: SimilarityRows, task: Pull & { readonly ofWeights: Sums }): void {
  const { values, slope, alpha, kernels, summaries, sums, ofWeights } = task;
  forEachBlock(d, everyRow(d.rows), (block) => {
    const summary = summaries.of(block);
    const weights = kernels.softmax(d.compare(block), summary);
    const own = kernels.takeRows(slope, block);
    const upstream = tf.mul(own, alpha) as tf.Tensor2D;
    sums.addRows(values, block, tf.mul(own, 1 - alpha));
    sums.addProduct(values, [weights, upstream], true);
    const dWeights = tf.matMul(upstream, values, false, true) as tf.Tensor2D;
    const rows = { along: alongRows(block, task), inverse: summary.inverse };
    d.pull(block, kernels.softmaxGradient(weights, dWeights, rows), ofWeights);
  });
}

/**
 * The same where D is the cosine of the values themselves: the columns' gradients are the rows' of the transpose, which
 * the same block of D gives, so that every block finishes its own pixels and no long sum is added to.
 */
function pullSymmetric(d: SimilarityRows, task: Pull): void {
  const { values, slope, alpha, kernels, summaries, sums } = task;
  const all = everyRow(d.rows);
  const along = new Float32Array(d.rows);
  forEachBlock(d, all, (block, start) => along.set(alongRows(block, task).dataSync(), start));
  const scale = tf.reshape(kernels.inverseNorms(values), [1, d.rows]);
  const columns = { along: tf.tensor2d(along, [1, d.rows]), inverse: summaries.ofColumns().inverse };
  forEachBlock(d, all, (block, start) => {
    const x = kernels.takeRows(values, block), own = kernels.takeRows(slope, block);
    const similarities = d.compare(block);
    const summary = summaries.of(block);
    const rows = {
      along: tf.tensor2d(along.subarray(start, start + block.length), [block.length, 1]),
      inverse: summary.inverse,
    };
    const there = kernels.softmaxGradient(
      kernels.softmax(similarities, summary),
      tf.mul(tf.matMul(own, values, false, true), alpha),
      rows,
    );
    const weightsBack = kernels.softmax(similarities, summaries.ofColumns());
    const back = kernels.softmaxGradient(
      weightsBack,
      tf.mul(tf.matMul(x, slope, false, true), alpha),
      columns,
    );
    const pull = tf.mul(tf.add(there, back), scale) as tf.Tensor2D;
    const ofWeights = kernels.unitGradient(tf.matMul(pull, values), x);
    const ofValues = tf.mul(tf.matMul(weightsBack, slope), alpha);
    sums.addRows(values, block, tf.add(tf.add(ofWeights, ofValues), tf.mul(own, 1 - alpha)));
  });
}
