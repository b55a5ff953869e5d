/** Max-pooling by TensorFlow's own operators. */
import type * as tf from "@tensorflow/tfjs-core";
import type { PoolWindow } from "../../ops/kernel_types.ts";
import { type Attributes, run } from "./operator.ts";

type Sides = readonly [height: number, width: number];

/**
 * The window as attributes, with explicit padding, which never wins: TensorFlow's windows end at the image.
 */
function attributesOf({ size, stride, padding }: PoolWindow, from: Sides, to: Sides): Attributes {
  const sides = [0, 1].flatMap((k) => {
    // The last window may reach further behind the image than `padding`.
    const after = (to[k]! - 1) * stride + size - padding - from[k]!;
    return [padding, Math.max(0, after)];
  });
  const padded = sides.some((pixels) => pixels > 0);
  return {
    ints: {
      ksize: [1, size, size, 1],
      strides: [1, stride, stride, 1],
      ...(padded ? { explicit_paddings: [0, 0, ...sides, 0, 0] } : {}),
    },
    texts: { padding: padded ? "EXPLICIT" : "VALID", data_format: "NHWC" },
    types: { T: "float32" },
  };
}

/** See {@linkcode Kernels.maxPool}. */
export function pool(x: tf.Tensor4D, window: PoolWindow, out: Sides): tf.Tensor4D {
  const attributes = attributesOf(window, [x.shape[1], x.shape[2]], out);
  return run("MaxPool", [x], { attributes })[0] as tf.Tensor4D;
}

/** See {@linkcode Kernels.maxPoolGradient}. */
export function poolGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  y: tf.Tensor4D,
  window: PoolWindow,
): tf.Tensor4D {
  const attributes = attributesOf(window, [x.shape[1], x.shape[2]], [y.shape[1], y.shape[2]]);
  return run("MaxPoolGrad", [x, y, dy], { attributes })[0] as tf.Tensor4D;
}
