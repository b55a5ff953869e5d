/**
 * Convolutions from many channels to few, such as a classifier head. As a product of patches they would
 * multiply very long rows by very narrow matrices, which runs at a tenth of the speed. So the order is turned
 * round: first one product of the pixels with the weights of all taps beside each other, [pixels, I] [I, taps
 * O]; then each tap's small result is shifted to the pixels it belongs to, and added. With nine taps and 19
 * classes a pixel has 171 numbers between, instead of 9 I of a patch.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import { emptyTensor, heapView, zeroTensor } from "./heap.ts";

/** So many output channels, and not more, are few. */
const FEW = 32;

/**
 * Whether these kernels are meant for such a filter: stride 1, more than one tap, at most 32 outputs, and at
 * least four times as many inputs.
 */
export function hasFewOutputs(filterShape: readonly number[], { stride }: Window): boolean {
  const [height, width, input, output] = filterShape as Shape4D;
  return stride === 1 && height * width > 1 && output <= FEW && input >= 4 * output;
}

/**
 * A tap that touches the image for some output pixel: it reads the input pixel p + (row, column) for the
 * output pixel p.
 */
interface Tap {
  readonly index: number;
  readonly row: number;
  readonly column: number;
}

/**
 * The taps that touch the image. In a head with a dilation of 24 on a small crop, many see nothing but
 * padding.
 */
function tapsInside(filterShape: Shape4D, { padding, dilation }: Window, x: Shape4D, out: Shape4D): Tap[] {
  const taps: Tap[] = [];
  for (let k = 0; k < filterShape[0] * filterShape[1]; k++) {
    const row = Math.floor(k / filterShape[1]) * dilation - padding;
    const column = (k % filterShape[1]) * dilation - padding;
    const touches = row < x[1] && column < x[2] && row + out[1] > 0 && column + out[2] > 0;
    if (touches) taps.push({ index: k, row, column });
  }
  return taps;
}

/** The taps' weights as columns, [I, taps O]. */
function weightColumns(filter: tf.Tensor4D, taps: readonly Tap[]): tf.Tensor2D {
  const [, , input, output] = filter.shape;
  const columns = emptyTensor([input, taps.length * output]) as tf.Tensor2D;
  const from = heapView(filter), to = heapView(columns);
  taps.forEach(({ index }, k) => {
    for (let i = 0; i < input; i++) {
      const start = (index * input + i) * output, place = (i * taps.length + k) * output;
      for (let o = 0; o < output; o++) to[place + o] = from[start + o]!;
    }
  });
  return columns;
}

/** See {@linkcode Kernels.conv2d}. float32 [N, H, W, I] to `out`. */
export function fewOutputsConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  window: Window,
  out: Shape4D,
): tf.Tensor4D {
  return tf.tidy(() => {
    const taps = tapsInside(filter.shape, window, x.shape, out);
    const [n, height, width, input] = x.shape;
    const flat = tf.reshape(x, [n * height * width, input]) as tf.Tensor2D;
    const products = tf.matMul(flat, weightColumns(filter, taps));
    const y = zeroTensor(out) as tf.Tensor4D;
    const from = heapView(products), to = heapView(y);
    forEachPixel(taps, x.shape, out, (k, source, target) => {
      const start = (source * taps.length + k) * out[3], place = target * out[3];
      for (let o = 0; o < out[3]; o++) to[place + o]! += from[start + o]!;
    });
    return y;
  });
}

/** The output's gradient, shifted for each tap to the input pixel that the tap read: [N H W, taps O]. */
function shiftedGradient(dy: tf.Tensor4D, taps: readonly Tap[], xShape: Shape4D): tf.Tensor2D {
  const output = dy.shape[3];
  const columns = zeroTensor([xShape[0] * xShape[1] * xShape[2], taps.length * output]) as tf.Tensor2D;
  const from = heapView(dy), to = heapView(columns);
  forEachPixel(taps, xShape, dy.shape, (k, source, target) => {
    const start = target * output, place = (source * taps.length + k) * output;
    for (let o = 0; o < output; o++) to[place + o] = from[start + o]!;
  });
  return columns;
}

/** The gradient with respect to the input, of shape `xShape`. */
export const fewOutputsInputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    const taps = tapsInside(filter.shape, window, xShape, dy.shape);
    const product = tf.matMul(shiftedGradient(dy, taps, xShape), weightColumns(filter, taps), false, true);
    return tf.reshape(product, xShape) as tf.Tensor4D;
  });

/** The gradient with respect to the filter, of shape `filterShape`. */
export const fewOutputsFilterGradient: Kernels["conv2dFilterGradient"] = (dy, x, filterShape, window) =>
  tf.tidy(() => {
    const taps = tapsInside(filterShape, window, x.shape, dy.shape);
    const [n, height, width, input] = x.shape;
    const output = filterShape[3];
    const flat = tf.reshape(x, [n * height * width, input]) as tf.Tensor2D;
    // [taps O, I]: the wide factor on the right is the fast way round.
    const product = tf.matMul(shiftedGradient(dy, taps, x.shape), flat, true, false);
    const gradient = zeroTensor(filterShape) as tf.Tensor4D;
    const from = heapView(product), to = heapView(gradient);
    taps.forEach(({ index }, k) => {
      for (let o = 0; o < output; o++) {
        const start = (k * output + o) * input;
        for (let i = 0; i < input; i++) to[(index * input + i) * output + o] = from[start + i]!;
      }
    });
    return gradient;
  });

/**
 * Visits every pair of an input and an output pixel that a tap connects, both as flat indices. @param visit
 * `tap` is the place in `taps`
 */
function forEachPixel(
  taps: readonly Tap[],
  [n, height, width]: Shape4D,
  [, outHeight, outWidth]: Shape4D,
  visit: (tap: number, source: number, target: number) => void,
): void {
  taps.forEach(({ row, column }, k) => {
    const top = Math.max(0, -row), bottom = Math.min(outHeight, height - row);
    const left = Math.max(0, -column), right = Math.min(outWidth, width - column);
    for (let image = 0; image < n; image++) {
      for (let r = top; r < bottom; r++) {
        const source = (image * height + r + row) * width + column;
        const target = (image * outHeight + r) * outWidth;
        for (let c = left; c < right; c++) visit(k, source + c, target + c);
      }
    }
  });
}
