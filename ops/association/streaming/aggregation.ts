/**
 * The spatial aggregation where values can be read within a step. Think of the association with one image on
 * both sides and every row of weight 1: a block of rows becomes softmax weights and mixes the pixels. The
 * softmax has a gradient in all cells, so the backward pass goes over all tiles of D; the dense gradient of
 * the weights, which is another matrix, is compared beside it.
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

/** As `aggregate`. */
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
        // The gradient needs memory more than anybody needs this.
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
 * By image and pixel, the sum over the row of weight * dWeight: the slope along alpha times the mean that was
 * mixed in. @param batches what was aggregated, the gradient and the result
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
  /** The gradient of what was aggregated. */
  readonly slope: tf.Tensor2D;
  /** By row: the sum of weight * dWeight. */
  readonly along: Float32Array;
  readonly summaries: Summaries;
  readonly sums: Sums;
}

function pullRows(d: SimilarityRows, task: Pull & { readonly images: readonly tf.Tensor2D[] }): void {
  const { values, slope, along, alpha, kernels, summaries, sums, images } = task;
  // Gradients of directions cannot be added to others before they are turned into the pixels' own.
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
 * The same where D is the cosine of the values themselves: what a tile off the diagonal says of its rows, its
 * transpose says of its columns, so every pair of tiles is compared once. Gradients turn the pixels'
 * directions only; what would change a length is summed beside them and taken off at the end.
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
