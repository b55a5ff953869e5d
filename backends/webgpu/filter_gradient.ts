/**
 * The gradient of a convolution's filter as a matrix product: what every tap sees, transposed, times the
 * slope.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Shape4D, Window } from "../../ops/kernel_types.ts";
import { runShader } from "./shader.ts";

/** Of what the taps see, in bytes: more taps than fit are multiplied in groups. */
const GROUP_BYTES = 2 ** 26;

/** Row: an output pixel. Column: a channel of a tap. Padding is 0. */
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

/** The kernel for groups of taps of at most `groupBytes`, but at least one tap. */
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

/** As `Kernels.conv2dFilterGradient`. */
export const filterGradient = filterGradientInGroups(GROUP_BYTES);

/** Whether every pixel is seen once, in order. */
export function seesAllAlike([height, width]: Shape4D, { stride, padding }: Window): boolean {
  return height === 1 && width === 1 && stride === 1 && padding === 0;
}

function tapColumns(
  x: tf.Tensor4D,
  shape: [number, number],
  numbers: Readonly<Record<string, number>>,
): tf.Tensor2D {
  const uniforms = Object.entries(numbers).map(([name, value]) => ({ name, type: "i32" as const, value }));
  return runShader({ name: "tap_columns", code: COLUMNS, inputs: { x }, uniforms }, { shape }) as tf.Tensor2D;
}
