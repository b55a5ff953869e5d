/**
 * The spatial aggregation where values can be read within a step. Think of the association with one image on
 * both sides and every row of weight 1: a block of rows becomes softmax weights and mixes the pixels.
 *
 * The association's gradient is zero outside of the rows with a weight; here every cell of D has one, so the
 * backward pass goes over all tiles of D. In a tile, with dy the gradient of the result,
 *
 *   dW_ij = dy_i . x_j,   dD_ij = w_ij (alpha dW_ij - along_i) inverse_i,   along_i = alpha sum_j w_ij dW_ij
 *
 * dW is a second matrix of the size of D, compared tile by tile beside it. `along` needs no pass of its own:
 * alpha sum_j w_ij x_j is y_i - (1 - alpha) x_i, so that along_i = dy_i . y_i - (1 - alpha) dy_i . x_i.
 *
 * Kept between the passes: the inputs, the result (until `along` is computed) and 20 bytes a row on the host.
 */
import * as tf from "@tensorflow/tfjs-core";
import { direction, distinctInputs, imagesOf } from "../directions.ts";
import type { AggregationOptions } from "../options.ts";
import { everyRow, forEachBlock } from "./blocks.ts";
import { directionRows, gradientsOf } from "./images.ts";
import type { RowKernels } from "./row_kernels.ts";
import type { SimilarityRows } from "./similarity_rows.ts";
import { Summaries, valuesAt } from "./summaries.ts";
import { Sums } from "./sums.ts";

type Options = AggregationOptions & { readonly kernels: RowKernels };

/** See {@linkcode aggregate}. */
export function streamedAggregate(x: tf.Tensor3D, options: Options): tf.Tensor3D {
  const { similarity, kernels } = options;
  const self = direction(similarity, x, x);
  const inputs = [x, ...distinctInputs([self]).filter((input) => input !== x)];
  const rows = (images: readonly tf.Tensor2D[]) =>
    directionRows(self, { inputs, images, similarity, kernels });
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
        const along = alongs([given[0]!, dy as tf.Tensor3D, mixed], options);
        // Freed here and not with the operator: nothing else reads it, and the tiles below need the memory.
        mixed.dispose();
        return gradientsOf(given, kernels, (n, images, sums) => {
          const slope = imagesOf([dy as tf.Tensor3D], n)[0]!;
          const task: Pull = {
            ...options,
            values: images[0]!,
            slope,
            along: along[n]!,
            summaries: byImage[n]!.summaries,
            sums,
          };
          sums.start(images[0]!, tf.mul(slope, 1 - options.alpha));
          const d = rows(images);
          return inputs.length === 1 && similarity.symmetric && d.columnScale
            ? pullSymmetric(d, { ...task, scale: d.columnScale })
            : pullRows(d, { ...task, images });
        });
      },
    };
  });
  return op(...inputs) as tf.Tensor3D;
}

/** The result [P, C] and the rows' summaries. The result is a sum that begins as (1 - alpha) x. */
function aggregateRows(d: SimilarityRows, values: tf.Tensor2D, { alpha, contrast, kernels }: Options) {
  const summaries = new Summaries(d.rows);
  const result = new Sums(kernels);
  result.start(values, tf.mul(values, 1 - alpha));
  const b = { of: values, indices: everyRow(d.rows) };
  forEachBlock(b.indices, d.blockRows, (block) => {
    const compared = d.compare(block, b.indices);
    const similarities = kernels.summarise(compared, { indices: block, contrast, summaries });
    const factor = tf.fill([block.length], alpha) as tf.Tensor1D;
    const weights = kernels.softmax({ values: similarities }, { ...summaries.of(block), factor });
    result.addProduct(values, { a: weights, b, transposeA: false, rows: block });
  });
  return { result: result.take(values), summaries };
}

/**
 * `along` by image and pixel, on the host (see the top of the file).
 * @param batches float32 [N, P, C] each: what was aggregated, the gradient of the result, the result
 */
function alongs(batches: readonly tf.Tensor3D[], { alpha, kernels }: Options): Float32Array[] {
  return Array.from({ length: batches[0]!.shape[0] }, (_, n) => {
    const along = tf.tidy(() => {
      const [x, dy, y] = imagesOf(batches, n);
      return tf.sub(kernels.dots(dy!, y!), tf.mul(kernels.dots(dy!, x!), 1 - alpha));
    });
    const values = along.dataSync().slice() as Float32Array;
    along.dispose();
    return values;
  });
}

interface Pull extends Options {
  readonly values: tf.Tensor2D;
  /** float32 [P, C]: the gradient of the aggregation's result. */
  readonly slope: tf.Tensor2D;
  /** By row: the sum of weight * dWeight. */
  readonly along: Float32Array;
  readonly summaries: Summaries;
  readonly sums: Sums;
}

/**
 * Adds the gradient to `sums`, for any similarity: all tiles of all rows and columns, each compared once for
 * D and once for dW.
 */
function pullRows(d: SimilarityRows, task: Pull & { readonly images: readonly tf.Tensor2D[] }): void {
  const { values, slope, along, alpha, kernels, summaries, sums, images } = task;
  // Where D compares directions, `finish` takes the radial part off a sum when it is complete. Gradients of
  // the mixed values have to keep theirs, so they are summed apart.
  const ofWeights = d.columnScale ? new Sums(kernels) : sums;
  const all = everyRow(d.rows);
  forEachBlock(all, d.tileRows, (rows) => {
    const constants = { ...summaries.of(rows), along: valuesAt(along, rows), alpha };
    forEachBlock(all, d.tileColumns, (columns) => {
      const slopes = kernels.compare({ of: slope, indices: rows }, { of: values, indices: columns });
      const cells = kernels.softmaxGradient(d.compare(rows, columns), slopes, constants);
      const b = { of: slope, indices: rows };
      sums.addProduct(values, { a: cells.weights, b, transposeA: true, rows: columns });
      d.pull({ rows, columns, g: cells.gradient, sums: cells.sums }, ofWeights);
    });
  });
  if (ofWeights === sums) return;
  d.finish(ofWeights);
  images.forEach((image) => sums.add(image, ofWeights.take(image), everyRow(image.shape[0])));
}

/**
 * The same where D is the cosine of the values themselves, in half of the comparisons: tile (J, I) of D is
 * the transpose of tile (I, J), so one product serves the softmax of the rows I and that of the rows J. The
 * gradient of a cosine has no part along the feature itself. What the plain product puts there (`radial`, one
 * number a pixel) is summed beside the gradient and subtracted at the end.
 */
function pullSymmetric(d: SimilarityRows, task: Pull & { readonly scale: tf.Tensor1D }): void {
  const { values, slope, along, alpha, kernels, summaries, sums, scale } = task;
  const all = everyRow(d.rows);
  const radial = new Float32Array(d.rows);
  const pixels = { ...summaries.of(all), along: valuesAt(along, all), alpha, scale, radial };
  forEachBlock(all, d.tileRows, (rows, row) => {
    forEachBlock(all.subarray(row), d.tileRows, (columns, offset) => {
      const [x, dy] = [values, slope].map((of) => ({ of, indices: rows }));
      const [xs, dys] = [values, slope].map((of) => ({ of, indices: columns }));
      const { gradient, weights, weightsBack } = kernels.symmetricGradient({
        product: kernels.compare(x!, xs!),
        there: kernels.compare(dy!, xs!),
        back: kernels.compare(x!, dys!),
        row,
        column: row + offset,
      }, pixels);
      sums.addProduct(values, { a: gradient, b: xs!, transposeA: false, rows });
      sums.addProduct(values, { a: weightsBack, b: dys!, transposeA: false, rows });
      if (offset === 0) return;
      sums.addProduct(values, { a: gradient, b: x!, transposeA: true, rows: columns });
      sums.addProduct(values, { a: weights, b: dy!, transposeA: true, rows: columns });
    });
  });
  const norms = scale.dataSync() as Float32Array;
  sums.subtract(values, tf.tensor1d(radial.map((sum, pixel) => sum * norms[pixel]! ** 2)));
}
