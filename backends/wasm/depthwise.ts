/**
 * Depthwise convolutions in the heap, by the kernels of simd/depthwise.ts. With a stride of 1 the input's
 * gradient is itself such a convolution, with the filter turned by 180 degrees; otherwise each output pixel's
 * gradient is scattered to the pixels that its window saw.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import { outputSide } from "../../ops/taps.ts";
import { address, emptyTensor, zeroTensor } from "./heap.ts";
import { simd } from "./simd.ts";

type DepthwiseKernels = Pick<
  Kernels,
  "depthwiseConv2d" | "depthwiseInputGradient" | "depthwiseFilterGradient"
>;

/** See {@linkcode Kernels.depthwiseConv2d}. Filters must be square. */
export const heapDepthwise: DepthwiseKernels = {
  depthwiseConv2d(x, filter, window, bias) {
    const [n, height, width, channels] = x.shape, side = filter.shape[0];
    const out = [height, width].map((pixels) => outputSide(pixels, side, window)) as [number, number];
    return slide({ x, filter, window, bias, out: [n, ...out, channels] });
  },
  depthwiseInputGradient(dy, filter, xShape, window) {
    const side = filter.shape[0], { stride, padding, dilation } = window;
    const around = dilation * (side - 1) - padding;
    if (stride === 1 && around >= 0) {
      // A step of one pixel: the turned filter slides over the gradient.
      return tf.tidy(() => {
        const turned = tf.reverse(filter, [0, 1]) as tf.Tensor4D;
        return slide({ x: dy, filter: turned, window: { ...window, padding: around }, out: xShape });
      });
    }
    const dx = zeroTensor(xShape) as tf.Tensor4D;
    simd("depthwiseScatter", address(dy), ...xShape, address(filter), ...windowArguments(side, window), ...[
      dy.shape[1],
      dy.shape[2],
      address(dx),
    ]);
    return dx;
  },
  depthwiseFilterGradient(dy, x, filterShape, window) {
    const gradient = emptyTensor(filterShape) as tf.Tensor4D;
    const scratch = emptyTensor([3 * gradient.size]);
    simd("depthwiseFilterGradient", address(dy), address(x), ...x.shape, ...[
      ...windowArguments(filterShape[0], window),
      dy.shape[1],
      dy.shape[2],
      address(scratch),
      address(gradient),
    ]);
    scratch.dispose();
    return gradient;
  },
};

/** The window as the kernels take it. */
function windowArguments(side: number, { stride, padding, dilation }: Window): number[] {
  return [side, stride, padding, dilation];
}

/** A depthwise convolution and the shape of its result. */
interface Slide {
  readonly x: tf.Tensor4D;
  readonly filter: tf.Tensor4D;
  readonly bias?: tf.Tensor1D | undefined;
  readonly window: Window;
  readonly out: Shape4D;
}

function slide({ x, filter, window, bias, out }: Slide): tf.Tensor4D {
  const y = emptyTensor(out) as tf.Tensor4D;
  simd("depthwise", address(x), ...x.shape, address(filter), bias ? address(bias) : 0, ...[
    ...windowArguments(filter.shape[0], window),
    out[1],
    out[2],
    address(y),
  ]);
  return y;
}
