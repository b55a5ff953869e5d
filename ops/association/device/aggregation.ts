/**
 * The spatial aggregation where nothing is read within a step. Think of a loop over blocks B of rows in
 * either pass. Forward, a block of D becomes weights and mixes the pixels:
 *
 *   W = softmax(z of the rows B),   y_B = (1 - alpha) x_B + alpha W x
 *
 * Backward, with dy the gradient of y, the block's weights are formed again from D and the rows' summary:
 *
 *   dW = alpha dy_B x^T,   dD = W (dW - along) inverse,   along_i = dy_i . (y_i - (1 - alpha) x_i)
 *
 * `along_i` is the sum of w dW over row i, which the gradient of a softmax needs. It follows from the result
 * y, so no pass over D is made for it. The gradient of x has three parts: (1 - alpha) dy, the sum of alpha
 * W^T dy_B over blocks, and what dD means for the factors of D.
 *
 * Kept between the passes: the inputs, the result y and a summary [P, 5] for each image.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AggregationOptions } from "../options.ts";
import { direction, distinctInputs, imagesOf, joinImages } from "../directions.ts";
import { type BlockResults, overBlocks, sliceRows } from "./blocks.ts";
import { summaryColumn } from "./cycles.ts";
import type { DeviceRowKernels, RowSummary } from "./row_kernels.ts";
import { type DeviceRows, deviceRows, imageGradients, prepareImages } from "./similarity.ts";

type Options = AggregationOptions & { readonly kernels: DeviceRowKernels };

/** See {@linkcode aggregate}. */
export function deviceAggregate(x: tf.Tensor3D, options: Options): tf.Tensor3D {
  const { similarity, kernels } = options;
  const self = direction(similarity, x, x);
  // The pixels themselves come first: they are what is mixed.
  const inputs = [x, ...distinctInputs([self]).filter((input) => input !== x)];
  const prepare = (given: readonly tf.Tensor3D[], n: number) =>
    prepareImages(similarity, inputs, imagesOf(given, n));
  const rows = (prepared: ReturnType<typeof prepare>) =>
    deviceRows(similarity, self, { ...prepared, blockRows: kernels.blockRows });

  const op = tf.customGrad((...args) => {
    const save = args[inputs.length] as unknown as tf.GradSaveFunc;
    const byImage = Array.from({ length: x.shape[0] }, (_, n) =>
      tf.tidy(() => {
        const prepared = prepare(inputs, n);
        return aggregateRows(rows(prepared), prepared.images[0]!, options);
      }));
    const value = joinImages([x], byImage.map(({ mixed }) => [mixed]))[0]!;
    save([...inputs, value, ...byImage.map(({ summary }) => summary)]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const given = saved.slice(0, inputs.length) as tf.Tensor3D[];
        const [mixed, ...summaries] = saved.slice(inputs.length) as [tf.Tensor3D, ...tf.Tensor2D[]];
        const gradients = summaries.map((summary, n) =>
          tf.tidy(() => {
            const prepared = prepare(given, n);
            const [slope, result] = imagesOf([dy as tf.Tensor3D, mixed], n);
            const task = { summary, slope: slope!, result: result!, values: prepared.images[0]!, ...options };
            const d = rows(prepared);
            const { pulled, ofValues } = pullRows(d, task);
            const ofFactors = inputs.map(() => undefined);
            d.collect(pulled, ofFactors);
            const [ofPixels, ...others] = imageGradients(similarity, prepared, ofFactors);
            return [tf.add(ofPixels!, ofValues) as tf.Tensor2D, ...others];
          })
        );
        return joinImages(given, gradients);
      },
    };
  });
  return op(...inputs) as tf.Tensor3D;
}

/** The result [P, C] and the summaries [P, 5] of one image, block by block. */
function aggregateRows(d: DeviceRows, values: tf.Tensor2D, { alpha, contrast, kernels }: Options) {
  const { rows: [summary, mixed] } = overBlocks(d, (block) => {
    const similarities = d.compare(block);
    const rowSummary = kernels.summarise(similarities, contrast);
    const mean = tf.matMul(kernels.softmax(similarities, rowSummary), values);
    const result = tf.add(tf.mul(sliceRows(values, block), 1 - alpha), tf.mul(mean, alpha)) as tf.Tensor2D;
    return { rows: [rowSummary, result], sums: [] };
  });
  return { summary: summary!, mixed: mixed! };
}

interface Pull extends Options {
  readonly values: tf.Tensor2D;
  readonly summary: RowSummary;
  /** float32 [P, C]: the gradient of the aggregation's result. */
  readonly slope: tf.Tensor2D;
  /** float32 [P, C]: the aggregation's result. */
  readonly result: tf.Tensor2D;
}

/**
 * @returns `pulled`: the gradient through the weights, by factor of D; `ofValues` [P, C]: the gradient
 * through the values that are mixed
 */
function pullRows(
  d: DeviceRows,
  { values, summary, slope, result, alpha, kernels }: Pull,
): { readonly pulled: BlockResults; readonly ofValues: tf.Tensor2D } {
  const unmixed = tf.mul(values, 1 - alpha);
  // The sum of weight * dWeight over a row.
  const along = tf.sum(tf.mul(slope, tf.sub(result, unmixed)), 1, true) as tf.Tensor2D;
  const { rows, sums: [ofMixed, ...sums] } = overBlocks(d, (block) => {
    const rowSummary = sliceRows(summary, block);
    const weights = kernels.softmax(d.compare(block), rowSummary);
    const upstream = tf.mul(sliceRows(slope, block), alpha) as tf.Tensor2D;
    const dWeights = tf.matMul(upstream, values, false, true) as tf.Tensor2D;
    const g = kernels.softmaxGradient(weights, dWeights, {
      along: sliceRows(along, block),
      inverse: summaryColumn(rowSummary, "inverse"),
    });
    const pulled = d.pull(block, g);
    return { rows: pulled.rows, sums: [tf.matMul(weights, upstream, true, false), ...pulled.sums] };
  });
  return { pulled: { rows, sums }, ofValues: tf.add(tf.mul(slope, 1 - alpha), ofMixed!) as tf.Tensor2D };
}
