/**
 * The gradient of a convolution's input: a convolution of the output's gradient with the turned filter. The
 * gradient is first laid out as an image, spread by the stride and with a margin, and the filter is turned by
 * 180 degrees with its channels exchanged, by one shader each; then tfjs's own convolution does the work. A
 * 1x1 filter of stride 1 is a matrix product and needs neither.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import { seesAllAlike } from "./filter_gradient.ts";
import { runShader, type Uniform } from "./shader.ts";

/** The output's gradient as an image: its pixels `stride` apart, with zeros between and around them. */
const SLOPE_IMAGE = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let channels = uniforms.outShape.w;
    let pixel = index / channels;
    let line = pixel / uniforms.outShape.z;
    let image = line / uniforms.outShape.y;
    let row = line - image * uniforms.outShape.y - uniforms.above;
    let column = pixel - line * uniforms.outShape.z - uniforms.before;
    let r = row / uniforms.stride;
    let c = column / uniforms.stride;
    if (row < 0 || column < 0 || r * uniforms.stride != row || c * uniforms.stride != column
        || r >= uniforms.dyShape.y || c >= uniforms.dyShape.z) {
      result[index] = 0.0;
      return;
    }
    let at = (image * uniforms.dyShape.y + r) * uniforms.dyShape.z + c;
    result[index] = dy[at * channels + index % channels];
  }`;

/** The filter with its taps in reverse order and its inputs and outputs exchanged. */
const TURNED_FILTER = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let outputs = uniforms.outShape.w;
    let inputs = uniforms.outShape.z;
    let taps = uniforms.outShape.x * uniforms.outShape.y;
    let at = index / outputs;
    let tap = taps - 1 - at / inputs;
    result[index] = filter_[(tap * outputs + index % outputs) * inputs + at % inputs];
  }`;

/** See {@linkcode Kernels.conv2dInputGradient}. */
export const inputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    const [height, width, input, output] = filter.shape;
    if (seesAllAlike(filter.shape, window)) {
      const slopes = tf.reshape(dy, [-1, output]) as tf.Tensor2D;
      const product = tf.matMul(slopes, tf.reshape(filter, [input, output]) as tf.Tensor2D, false, true);
      return tf.reshape(product, xShape) as tf.Tensor4D;
    }
    const turned = runShader(
      { name: "turned_filter", code: TURNED_FILTER, inputs: { filter_: filter } },
      { shape: [height, width, output, input] },
    ) as tf.Tensor4D;
    return tf.conv2d(slopeImage(dy, filter.shape, xShape, window), turned, 1, 0, "NHWC", window.dilation);
  });

/** float32 [N, H + dilation (h - 1), W + dilation (w - 1), O], for an input of H x W */
function slopeImage(
  dy: tf.Tensor4D,
  [height, width]: Shape4D,
  [images, rows, columns]: Shape4D,
  { stride, padding, dilation }: Window,
): tf.Tensor4D {
  const [down, across] = [dilation * (height - 1), dilation * (width - 1)];
  const numbers = { stride, above: down - padding, before: across - padding };
  const uniforms = Object.entries(numbers).map(([name, value]): Uniform => ({ name, type: "i32", value }));
  const shape = [images, rows + down, columns + across, dy.shape[3]];
  return runShader({ name: "slope_image", code: SLOPE_IMAGE, inputs: { dy }, uniforms }, {
    shape,
  }) as tf.Tensor4D;
}
