/**
 * Max-pooling by one shader each way. Forward a thread has an output pixel and looks at its window. Backward a
 * thread has an input pixel and asks of each window that it lies in whether it is the first of the window's
 * largest: only then the window's gradient is its own. So no two threads write to one place.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { PoolWindow } from "../../ops/kernel_types.ts";
import { runShader, type Uniform } from "./shader.ts";

/** The largest pixel of every window; NaN if one of them is NaN, so that a fault is not hidden. */
const POOL = `
  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let channels = uniforms.outShape.w;
    let pixel = index / channels;
    let line = pixel / uniforms.outShape.z;
    let image = line / uniforms.outShape.y;
    let top = (line - image * uniforms.outShape.y) * uniforms.stride - uniforms.padding;
    let left = (pixel - line * uniforms.outShape.z) * uniforms.stride - uniforms.padding;
    var best = -uniforms.INFINITY;
    for (var r = max(0, top); r < min(uniforms.xShape.y, top + uniforms.window); r = r + 1) {
      for (var c = max(0, left); c < min(uniforms.xShape.z, left + uniforms.window); c = c + 1) {
        let value = x[((image * uniforms.xShape.y + r) * uniforms.xShape.z + c) * channels + index % channels];
        if (isnan(value) || value > best) { best = value; }
      }
    }
    result[index] = best;
  }`;

/** The gradients of those windows whose first largest pixel this one is. */
const POOL_GRADIENT = `
  // Whether a pixel before (row, column) of the window that begins at (top, left) is as large.
  fn comesLater(first : i32, top : i32, left : i32, row : i32, column : i32, largest : f32) -> bool {
    for (var r = max(0, top); r <= row; r = r + 1) {
      for (var c = max(0, left); c < min(uniforms.outShape.z, left + uniforms.window); c = c + 1) {
        if (r == row && c >= column) { return false; }
        if (x[first + (r * uniforms.outShape.z + c) * uniforms.outShape.w] == largest) { return true; }
      }
    }
    return false;
  }

  fn main(index : i32) {
    if (index >= uniforms.size) { return; }
    let channels = uniforms.outShape.w;
    let pixel = index / channels;
    let line = pixel / uniforms.outShape.z;
    let image = line / uniforms.outShape.y;
    let row = line - image * uniforms.outShape.y;
    let column = pixel - line * uniforms.outShape.z;
    let first = image * uniforms.outShape.y * uniforms.outShape.z * channels + index % channels;
    let value = x[index];
    // Windows before these end before the pixel; those from the limits on begin behind it.
    let reach = uniforms.padding - uniforms.window + uniforms.stride;
    let lastRow = min(uniforms.yShape.y - 1, (row + uniforms.padding) / uniforms.stride);
    let lastColumn = min(uniforms.yShape.z - 1, (column + uniforms.padding) / uniforms.stride);
    var sum = 0.0;
    for (var r = max(0, row + reach) / uniforms.stride; r <= lastRow; r = r + 1) {
      for (var c = max(0, column + reach) / uniforms.stride; c <= lastColumn; c = c + 1) {
        let at = ((image * uniforms.yShape.y + r) * uniforms.yShape.z + c) * channels + index % channels;
        let top = r * uniforms.stride - uniforms.padding;
        let left = c * uniforms.stride - uniforms.padding;
        if (y[at] == value && !comesLater(first, top, left, row, column, value)) { sum = sum + dy[at]; }
      }
    }
    result[index] = sum;
  }`;

function numbers({ size, stride, padding }: PoolWindow): Uniform[] {
  return Object.entries({ window: size, stride, padding }).map(([name, value]) => ({
    name,
    type: "i32",
    value,
  }));
}

/** See {@linkcode Kernels.maxPool}. float32 [N, H, W, C] to [N, ...out, C] */
export function maxPool(x: tf.Tensor4D, window: PoolWindow, out: readonly [number, number]): tf.Tensor4D {
  const shape = [x.shape[0], ...out, x.shape[3]];
  const shader = { name: "max_pool", code: POOL, inputs: { x }, uniforms: numbers(window) };
  return runShader(shader, { shape }) as tf.Tensor4D;
}

/** See {@linkcode Kernels.maxPoolGradient}. */
export function maxPoolGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D,
  window: PoolWindow,
): tf.Tensor4D {
  return runShader({
    name: "max_pool_gradient",
    code: POOL_GRADIENT,
    inputs: { dy, x, y },
    uniforms: numbers(window),
  }, { shape: x.shape }) as tf.Tensor4D;
}
