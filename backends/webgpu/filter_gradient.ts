/**
 * The gradient of a convolution's filter as a matrix product: a matrix of what every tap sees, [pixels, taps
 * I], transposed, times the output's gradient [pixels, O]. tfjs has no kernel for it with dilation. The
 * matrix is up to nine times the image for a 3x3 filter, so taps are laid out in groups that take 64 MB at
 * most.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import { runShader } from "./shader.ts";

/** Bytes of the matrix that exists at once. */
const GROUP_BYTES = 2 ** 26;

/**
 * Lays out the matrix, a thread for each number. Row: an output pixel. Column: a channel of a tap. Padding is
 * 0.
 */
const COLUMNS = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let width = uniforms.outShape.y;
    let pixel = index / width;
    let column = index - pixel * width;
    let channels = uniforms.xShape.w;
    let tap = uniforms.firstTap + column / channels;
    let line = pixel / uniforms.outWidth;
    let image = line / uniforms.outHeight;
    let r = (line - image * uniforms.outHeight) * uniforms.stride - uniforms.padding
      + tap / uniforms.filterWidth * uniforms.dilation;
    let c = (pixel - line * uniforms.outWidth) * uniforms.stride - uniforms.padding
      + tap % uniforms.filterWidth * uniforms.dilation;
    if (r < 0 || c < 0 || r >= uniforms.xShape.y || c >= uniforms.xShape.z) {
      result[index] = 0.0;
      return;
    }
    let at = (image * uniforms.xShape.y + r) * uniforms.xShape.z + c;
    result[index] = x[at * channels + column % channels];
  }`;

/**
 * The kernel for groups of taps whose matrix takes at most `groupBytes`, but of at least one tap; tests use
 * small groups.
 */
export function filterGradientInGroups(groupBytes: number): Kernels["conv2dFilterGradient"] {
  return (dy, x, filterShape, window) =>
    tf.tidy(() => {
      const [height, width, input, output] = filterShape;
      const [images, outHeight, outWidth] = dy.shape;
      const pixels = images * outHeight * outWidth;
      const slope = tf.reshape(dy, [pixels, output]) as tf.Tensor2D;
      if (seesAllAlike(filterShape, window)) {
        const product = tf.matMul(tf.reshape(x, [pixels, input]) as tf.Tensor2D, slope, true, false);
        return tf.reshape(product, filterShape) as tf.Tensor4D;
      }
      const taps = height * width;
      const together = Math.max(1, Math.floor(groupBytes / (4 * pixels * input)));
      const products: tf.Tensor[] = [];
      for (let firstTap = 0; firstTap < taps; firstTap += together) {
        const numbers = { ...window, outHeight, outWidth, filterWidth: width, firstTap };
        const count = Math.min(together, taps - firstTap);
        products.push(tf.tidy(() => {
          const columns = tapColumns(x, [pixels, count * input], numbers);
          return tf.matMul(columns, slope, true, false);
        }));
      }
      return tf.reshape(tf.concat(products), filterShape) as tf.Tensor4D;
    });
}

/** See {@linkcode Kernels.conv2dFilterGradient}. @param bindingBytes most bytes of one tensor */
export function filterGradient(bindingBytes: number): Kernels["conv2dFilterGradient"] {
  return filterGradientInGroups(Math.min(GROUP_BYTES, bindingBytes));
}

/** Whether the matrix would be the pixels as they lie: a 1x1 filter of stride 1 without padding. */
export function seesAllAlike([height, width]: Shape4D, { stride, padding }: Window): boolean {
  return height === 1 && width === 1 && stride === 1 && padding === 0;
}

/** The matrix of what some taps see, [pixels, taps I]. */
function tapColumns(
  x: tf.Tensor4D,
  shape: [number, number],
  numbers: Readonly<Record<string, number>>,
): tf.Tensor2D {
  const uniforms = Object.entries(numbers).map(([name, value]) => ({ name, type: "i32" as const, value }));
  return runShader({ name: "tap_columns", code: COLUMNS, inputs: { x }, uniforms }, { shape }) as tf.Tensor2D;
}
