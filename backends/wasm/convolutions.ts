/**
 * Convolutions as matrix products. What the window of an output pixel sees becomes a row of side * side *
 * channels numbers (a patch); the rows times the filter, seen as a matrix [side * side * I, O], are the
 * output. All rows at once would be nine times the image for a 3x3 filter, so only 8 MB of them exist at a
 * time. Backward, a product of the output's gradient with the transposed filter gives rows, which are added
 * back to the pixels they came from; the filter's gradient is the product of the rows, transposed, with the
 * output's gradient. A 1x1 filter of stride 1 sees the pixels as they lie and needs no rows. Two kinds take
 * other ways: few outputs (few_outputs.ts) and wide 3x3 filters (winograd.ts). Filters must be square.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import {
  fewOutputsConv2d,
  fewOutputsFilterGradient,
  fewOutputsInputGradient,
  hasFewOutputs,
} from "./few_outputs.ts";
import { address, emptyTensor, zeroTensor } from "./heap.ts";
import { type Matrix, type Multiply, type MultiplyLater, type Products, whole } from "./products.ts";
import { simd } from "./simd.ts";
import { hasTiles, tiledConv2d, tiledFilterGradient, tiledInputGradient } from "./winograd.ts";

/** The most bytes that the rows of one run take. */
const PATCH_BYTES = 2 ** 23;

/** The side of the output. */
function outputSide(side: number, kernel: number, { stride, padding, dilation }: Window): number {
  return Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Pixels of a tensor as the rows of a matrix. */
function pixels(tensor: tf.Tensor4D, from = 0, rows?: number): Matrix {
  const columns = tensor.shape[3];
  return { tensor, from, rows: rows ?? tensor.size / columns, columns };
}

/** A filter as [what a window sees, outputs]. */
function filterMatrix(filter: tf.Tensor4D): Matrix {
  const [height, width, input, columns] = filter.shape;
  return { tensor: filter, from: 0, rows: height * width * input, columns };
}

/** Whether the rows would be the pixels as they lie, so that no copy is needed. */
function seesPixels(filterShape: readonly number[], { stride, padding }: Window): boolean {
  return filterShape[0] === 1 && filterShape[1] === 1 && stride === 1 && padding === 0;
}

/** The sizes of a convolution. */
interface Geometry {
  /** The image's shape, [N, H, W, C]. */
  readonly image: Shape4D;
  /** The output's shape, [N, H', W', O]. */
  readonly out: Shape4D;
  readonly side: number;
  readonly window: Window;
}

/**
 * Goes through the output pixels in runs of about equal length whose rows take 8 MB at most. `visit` gets a
 * matrix for the rows, whose values are not set, the first output pixel of the run, and the arguments of the
 * kernels `patches` and `addPatches` between their two addresses.
 */
function forEachRun(
  { image, out, side, window }: Geometry,
  visit: (rows: Matrix, from: number, run: readonly number[]) => void,
): void {
  const [, height, width, channels] = image;
  const columns = side * side * channels, count = out[0] * out[1] * out[2];
  const most = Math.max(1, Math.floor(PATCH_BYTES / (4 * columns)));
  // Runs of about one length, so that the last is no small rest, for which a product would be inefficient.
  const length = Math.ceil(count / Math.ceil(count / most));
  const shape = [height, width, channels, side, window.stride, window.padding, window.dilation];
  for (let from = 0; from < count; from += length) {
    tf.tidy(() => {
      const rows = Math.min(length, count - from);
      const tensor = emptyTensor([rows, columns]);
      visit({ tensor, from: 0, rows, columns }, from, [...shape, out[1], out[2], from, from + rows]);
    });
  }
}

/**
 * Whether what a window sees is at least twice as wide as the output. Then the filter's gradient is faster
 * computed the other way round, with the wide factor on the right. With 128 outputs or more this gives the
 * same numbers to the last bit, because products of that size add in the same order.
 */
function isWide([height, width, input, output]: Shape4D): boolean {
  return output >= 128 && height * width * input >= 2 * output;
}

/** The filter's gradient as the transpose of [O, side * side * I], written to `gradient`. */
function turnedFilterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  gradient: tf.Tensor4D,
  { multiply, later, geometry }: {
    readonly multiply: Multiply;
    readonly later: MultiplyLater;
    readonly geometry: Geometry;
  },
): tf.Tensor4D {
  const { rows: columns, columns: output } = filterMatrix(gradient);
  const count = dy.size / output;
  tf.tidy(() => {
    const sum = whole(emptyTensor([output, columns]) as tf.Tensor2D);
    const turnBack = {
      gives: gradient,
      finish: () => simd("transpose", address(sum.tensor), output, columns, address(gradient)),
    };
    forEachRun(geometry, (rows, from, run) => {
      simd("patches", address(x), ...run, address(rows.tensor));
      const slopes = emptyTensor([output, rows.rows]) as tf.Tensor2D;
      simd("transpose", address(dy, from * output), rows.rows, output, address(slopes));
      const factors = [whole(slopes), rows] as const;
      if (from + rows.rows < count) multiply(factors, sum, from > 0);
      else later(factors, sum, from > 0, turnBack);
    });
  });
  return gradient;
}

/** The convolutions of a backend with these products. Filters are square. */
export function heapConvolutions(
  { multiply, planes, later, planesLater, fastPlanes }: Products,
): Pick<Kernels, "conv2d" | "conv2dInputGradient" | "conv2dFilterGradient"> {
  const inTiles = (image: Shape4D, filter: Shape4D, window: Window) =>
    fastPlanes && hasTiles(image, filter, window);
  return {
    conv2d(x, filter, window) {
      const [n, height, width] = x.shape, [side, , , output] = filter.shape;
      const sides = [height, width].map((length) => outputSide(length, side, window));
      const out: Shape4D = [n, sides[0]!, sides[1]!, output];
      if (hasFewOutputs(filter.shape, window)) return fewOutputsConv2d(x, filter, window, out);
      if (inTiles(x.shape, filter.shape, window)) return tiledConv2d(x, filter, window, planes);
      const y = emptyTensor(out) as tf.Tensor4D;
      if (seesPixels(filter.shape, window)) multiply([pixels(x), filterMatrix(filter)], pixels(y), false);
      else {
        forEachRun({ image: x.shape, out, side, window }, (rows, from, run) => {
          simd("patches", address(x), ...run, address(rows.tensor));
          multiply([rows, filterMatrix(filter)], pixels(y, from, rows.rows), false);
        });
      }
      return y;
    },
    conv2dInputGradient(dy, filter, xShape, window) {
      if (hasFewOutputs(filter.shape, window)) return fewOutputsInputGradient(dy, filter, xShape, window);
      if (inTiles(xShape, filter.shape, window)) return tiledInputGradient(dy, filter, window, planes);
      const weights = { ...filterMatrix(filter), transposed: true };
      if (seesPixels(filter.shape, window)) {
        const dx = emptyTensor(xShape) as tf.Tensor4D;
        multiply([pixels(dy), weights], pixels(dx), false);
        return dx;
      }
      const dx = zeroTensor(xShape) as tf.Tensor4D;
      forEachRun({ image: xShape, out: dy.shape, side: filter.shape[0], window }, (rows, from, run) => {
        multiply([pixels(dy, from, rows.rows), weights], rows, false);
        simd("addPatches", address(dx), ...run, address(rows.tensor));
      });
      return dx;
    },
    conv2dFilterGradient(dy, x, filterShape, window) {
      if (hasFewOutputs(filterShape, window)) return fewOutputsFilterGradient(dy, x, filterShape, window);
      if (x.size === 0) return zeroTensor(filterShape) as tf.Tensor4D;
      const gradient = emptyTensor(filterShape) as tf.Tensor4D;
      if (seesPixels(filterShape, window)) {
        later([{ ...pixels(x), transposed: true }, pixels(dy)], filterMatrix(gradient), false);
        return gradient;
      }
      if (inTiles(x.shape, filterShape, window)) {
        return tiledFilterGradient(dy, x, gradient, { window, multiply: planes, later: planesLater });
      }
      const geometry = { image: x.shape, out: dy.shape, side: filterShape[0], window };
      if (isWide(filterShape)) return turnedFilterGradient(dy, x, gradient, { multiply, later, geometry });
      forEachRun(geometry, (rows, from, run) => {
        simd("patches", address(x), ...run, address(rows.tensor));
        const slopes = pixels(dy, from, rows.rows);
        const product = from + rows.rows < dy.size / dy.shape[3] ? multiply : later;
        product([{ ...rows, transposed: true }, slopes], filterMatrix(gradient), from > 0);
      });
      return gradient;
    },
  };
}
