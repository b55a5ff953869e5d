/**
 * Depthwise convolution composed of tfjs operators. Think of a tap (row, column) of the filter as one weight
 * per channel: the result is the sum over taps of the pixels that the tap sees times its weights. Both
 * gradients are of the same form: that of the input with the filter turned by 180 degrees, that of the filter
 * with the output's gradient in the place of the weights.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Window } from "./kernel_types.ts";
import { portableColumnSums } from "./portable_tokens.ts";
import { outputSide, padded, slopeImage, tapPixels } from "./taps.ts";

/** How a window slides over an image that is padded already. `out`: height and width of the result. */
interface Slide extends Pick<Window, "stride" | "dilation"> {
  readonly out: readonly [number, number];
}

/** The sum over taps, [N, ...out, C]. @param image padded @param filter [h, w, C, 1] */
function sumOfTaps(image: tf.Tensor4D, filter: tf.Tensor4D, { out, stride, dilation }: Slide): tf.Tensor4D {
  const [height, width, channels] = filter.shape;
  let sum: tf.Tensor | undefined;
  for (let k = 0; k < height * width; k++) {
    const row = Math.floor(k / width), column = k % width, before = sum;
    sum = tf.tidy(() => {
      const pixels = tapPixels(image, [row * dilation, column * dilation], out, stride);
      const part = tf.mul(pixels, tf.reshape(tf.slice(filter, [row, column], [1, 1]), [channels]));
      return before ? tf.add(before, part) : part;
    });
    before?.dispose();
  }
  return sum as tf.Tensor4D;
}

/** See {@linkcode Kernels.depthwiseConv2d}. */
export const portableDepthwise: Kernels["depthwiseConv2d"] = (x, filter, window, bias) =>
  tf.tidy(() => {
    const [height, width] = [0, 1].map((k) => outputSide(x.shape[k + 1]!, filter.shape[k]!, window));
    const y = sumOfTaps(padded(x, window.padding), filter, { ...window, out: [height!, width!] });
    return bias ? tf.add(y, bias) as tf.Tensor4D : y;
  });

/** See {@linkcode Kernels.depthwiseInputGradient}. */
export const portableDepthwiseInputGradient: Kernels["depthwiseInputGradient"] = (
  dy,
  filter,
  xShape,
  window,
) =>
  tf.tidy(() => {
    const [height, width] = filter.shape;
    const image = slopeImage(dy, [height, width], xShape, window);
    const slide = { stride: 1, dilation: window.dilation, out: [xShape[1], xShape[2]] } as const;
    return sumOfTaps(image, tf.reverse(filter, [0, 1]), slide);
  });

/** See {@linkcode Kernels.depthwiseFilterGradient}. */
export const portableDepthwiseFilterGradient: Kernels["depthwiseFilterGradient"] = (
  dy,
  x,
  filterShape,
  { stride, padding, dilation },
) =>
  tf.tidy(() => {
    const [, height, width, channels] = dy.shape;
    const image = padded(x, padding);
    const taps = Array.from({ length: filterShape[0] * filterShape[1] }, (_, k) => {
      const row = Math.floor(k / filterShape[1]) * dilation, column = (k % filterShape[1]) * dilation;
      return tf.tidy(() => {
        const product = tf.mul(tapPixels(image, [row, column], [height, width], stride), dy);
        return portableColumnSums(tf.reshape(product, [-1, channels]));
      });
    });
    return tf.reshape(tf.stack(taps), filterShape) as tf.Tensor4D;
  });
