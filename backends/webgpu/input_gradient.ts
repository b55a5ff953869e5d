/**
 * The gradient of a convolution's input: a convolution of the output's gradient with the turned filter. The
 * gradient is first laid out as an image, spread by the stride and with a margin, and the filter is turned by
 * 180 degrees with its channels exchanged, by one shader each; then tfjs's own convolution does the work. A
 * 1x1 filter of stride 1 is a matrix product and needs neither.
 *
 * The image with its margin and its zeros is larger than the gradient. Where it would be more than a shader
 * can be given, the result is computed in bands: some images, or some rows of one image, of which each needs a
 * band of the image that is `dilation (h - 1)` rows higher.
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
    let at = ((uniforms.firstImage + image) * uniforms.dyShape.y + r) * uniforms.dyShape.z + c;
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

/** See {@linkcode Kernels.conv2dInputGradient}. @param bindingBytes most bytes of one tensor */
export const inputGradient =
  (bindingBytes: number): Kernels["conv2dInputGradient"] => (dy, filter, xShape, window) =>
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
      const margins = [window.dilation * (height - 1), window.dilation * (width - 1)] as const;
      const bands = bandsOf(xShape, { margins, channels: output, bindingBytes });
      const gradients = bands.map((band) =>
        tf.tidy(() =>
          tf.conv2d(slopeImage(dy, xShape, { margins, window, band }), turned, 1, 0, "NHWC", window.dilation)
        )
      );
      // Each band lies behind the one before it, whether it is of images or of rows.
      const lines = gradients.map((gradient) => tf.reshape(gradient, [-1, xShape[2], input]));
      return tf.reshape(lines.length === 1 ? lines[0]! : tf.concat(lines), xShape);
    }) as tf.Tensor4D;

/** Some rows of some images of the result. */
interface Band {
  readonly firstImage: number;
  readonly images: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** What an image of the gradient adds to the result's height and width. */
type Margins = readonly [down: number, across: number];

/**
 * The bands of a result, each as large as its image allows: whole images, or else rows of one image, at least
 * one row. Those of one image come one after the other.
 */
function bandsOf(
  [images, rows, columns]: Shape4D,
  { margins: [down, across], channels, bindingBytes }: {
    readonly margins: Margins;
    readonly channels: number;
    readonly bindingBytes: number;
  },
): Band[] {
  const rowBytes = 4 * (columns + across) * channels;
  const together = Math.floor(bindingBytes / (rowBytes * (rows + down)));
  const bands: Band[] = [];
  if (together > 0) {
    for (let firstImage = 0; firstImage < images; firstImage += together) {
      bands.push({ firstImage, images: Math.min(together, images - firstImage), firstRow: 0, rows });
    }
    return bands;
  }
  const height = Math.max(1, Math.floor(bindingBytes / rowBytes) - down);
  for (let firstImage = 0; firstImage < images; firstImage++) {
    for (let firstRow = 0; firstRow < rows; firstRow += height) {
      bands.push({ firstImage, images: 1, firstRow, rows: Math.min(height, rows - firstRow) });
    }
  }
  return bands;
}

/** float32 [images, rows + down, W + across, O]: what the rows of a band are computed from */
function slopeImage(
  dy: tf.Tensor4D,
  [, , columns]: Shape4D,
  { margins: [down, across], window: { stride, padding }, band: { firstImage, images, firstRow, rows } }: {
    readonly margins: Margins;
    readonly window: Window;
    readonly band: Band;
  },
): tf.Tensor4D {
  const numbers = { stride, above: down - padding - firstRow, before: across - padding, firstImage };
  const uniforms = Object.entries(numbers).map(([name, value]): Uniform => ({ name, type: "i32", value }));
  const shape = [images, rows + down, columns + across, dy.shape[3]];
  return runShader({ name: "slope_image", code: SLOPE_IMAGE, inputs: { dy }, uniforms }, {
    shape,
  }) as tf.Tensor4D;
}
