/**
 * Convolutions and their gradients by TensorFlow's own operators. On the processor it has no gradients of
 * dilated convolutions; those come from dilated.ts where that is the faster way, else from the portable
 * kernels.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Window } from "../../ops/kernel_types.ts";
import { portable } from "../../ops/portable.ts";
import { hasFarTaps, isShifted, shiftedFilterGradient, shiftedInputGradient } from "./dilated.ts";
import { type Attributes, nodeBackend, run } from "./operator.ts";

/** The window as attributes, the same for a convolution and its two gradients. */
function windowAttributes({ stride, padding, dilation }: Window): Attributes {
  const p = padding;
  return {
    ints: {
      strides: [1, stride, stride, 1],
      dilations: [1, dilation, dilation, 1],
      ...(p === 0 ? {} : { explicit_paddings: [0, 0, p, p, p, p, 0, 0] }),
    },
    texts: { padding: p === 0 ? "VALID" : "EXPLICIT", data_format: "NHWC" },
    types: { T: "float32" },
  };
}

/** See {@linkcode Kernels.conv2d}. */
export function convolve(x: tf.Tensor4D, filter: tf.Tensor4D, window: Window): tf.Tensor4D {
  return run("Conv2D", [x, filter], { attributes: windowAttributes(window) })[0] as tf.Tensor4D;
}

/** Whether TensorFlow has the gradients: those of dilated convolutions exist on a GPU only. */
function hasGradients({ dilation }: Window): boolean {
  return dilation === 1 || nodeBackend().isUsingGpuDevice;
}

/** See {@linkcode Kernels.conv2dInputGradient}. */
export const inputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    if (hasGradients(window)) {
      const inputs = [tf.tensor1d(xShape, "int32"), filter, dy];
      return run("Conv2DBackpropInput", inputs, { attributes: windowAttributes(window) })[0] as tf.Tensor4D;
    }
    // If all taps see the image, the portable way, a convolution of the padded gradient, is as fast.
    const shifted = hasFarTaps(xShape, filter.shape, window) && isShifted(filter.shape, window);
    if (shifted) return shiftedInputGradient(dy, filter, xShape, window);
    return portable.conv2dInputGradient(dy, filter, xShape, window);
  });

/** See {@linkcode Kernels.conv2dFilterGradient}. */
export const filterGradient: Kernels["conv2dFilterGradient"] = (dy, x, filterShape, window) =>
  tf.tidy(() => {
    if (hasGradients(window)) {
      const inputs = [x, tf.tensor1d(filterShape, "int32"), dy];
      return run("Conv2DBackpropFilter", inputs, { attributes: windowAttributes(window) })[0] as tf.Tensor4D;
    }
    if (isShifted(filterShape, window)) return shiftedFilterGradient(dy, x, filterShape, window);
    return portable.conv2dFilterGradient(dy, x, filterShape, window);
  });
