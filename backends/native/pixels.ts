/** Every n-th pixel, taken and put back, in the heap. */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D } from "../ops/kernels.ts";
import { emptyTensor, heapView } from "../wasm/heap.ts";

/** The pixels at multiples of `stride`: float32 [N, H, W, C] to [N, ...out, C]. */
export function everyNth(x: tf.Tensor4D, out: readonly [number, number], stride: number): tf.Tensor4D {
  const channels = x.shape[3];
  const shape: Shape4D = [x.shape[0], out[0], out[1], channels];
  const y = emptyTensor(shape) as tf.Tensor4D;
  const from = heapView(x), to = heapView(y);
  forEachPair(x.shape, out, stride, (source, target) => {
    to.set(from.subarray(source * channels, (source + 1) * channels), target * channels);
  });
  return y;
}

/** The other way: `dy`'s pixels at multiples of `stride`, zeros between them. */
export function spreadTo(dy: tf.Tensor4D, shape: Shape4D, stride: number): tf.Tensor4D {
  const channels = shape[3];
  const x = tf.zeros(shape) as tf.Tensor4D;
  const from = heapView(dy), to = heapView(x);
  forEachPair(shape, [dy.shape[1], dy.shape[2]], stride, (source, target) => {
    to.set(from.subarray(target * channels, (target + 1) * channels), source * channels);
  });
  return x;
}

function forEachPair(
  [n, height, width]: Shape4D,
  out: readonly [number, number],
  stride: number,
  visit: (source: number, target: number) => void,
): void {
  for (let image = 0; image < n; image++) {
    for (let row = 0; row < out[0]; row++) {
      const source = (image * height + row * stride) * width;
      const target = (image * out[0] + row) * out[1];
      for (let column = 0; column < out[1]; column++) visit(source + column * stride, target + column);
    }
  }
}
