import type * as tf from "@tensorflow/tfjs-core";
import { zeros } from "@tensorflow/tfjs-core";
import type { PoolWindow } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "./heap.ts";
import { simd } from "./simd.ts";

/** The sizes as the kernels take them: of the image, the window and the result. */
function sides(x: tf.Tensor4D, { size, stride, padding }: PoolWindow, out: readonly number[]): number[] {
  return [...x.shape, size, stride, padding, ...out];
}

/** See {@linkcode Kernels.maxPool}. float32 [N, H, W, C] to [N, ...out, C] */
export function heapMaxPool(
  x: tf.Tensor4D,
  window: PoolWindow,
  out: readonly [number, number],
): tf.Tensor4D {
  const y = emptyTensor([x.shape[0], ...out, x.shape[3]]) as tf.Tensor4D;
  simd("maxPool", address(x), ...sides(x, window, out), address(y));
  return y;
}

/** See {@linkcode Kernels.maxPoolGradient}. */
export function heapMaxPoolGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D,
  window: PoolWindow,
): tf.Tensor4D {
  const dx = zeros(x.shape) as tf.Tensor4D;
  const out = [y.shape[1], y.shape[2]];
  simd("maxPoolGradient", address(dy), address(x), address(y), ...sides(x, window, out), address(dx));
  return dx;
}
