/** Bilinear resizing, with half-pixel centres, by TensorFlow's own operators. */
import * as tf from "@tensorflow/tfjs-core";
import type { Shape4D } from "../../ops/kernel_types.ts";
import { run } from "./operator.ts";

const ATTRIBUTES = {
  bools: { half_pixel_centers: true, align_corners: false },
  types: { T: "float32" },
} as const;

/** See {@linkcode Kernels.resizeBilinear}. */
export function resize(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  return tf.tidy(() =>
    run("ResizeBilinear", [x, tf.tensor1d([...size], "int32")], { attributes: ATTRIBUTES })[0] as tf.Tensor4D
  );
}

/** See {@linkcode Kernels.resizeBilinearGradient}. */
export function resizeGradient(dy: tf.Tensor4D, xShape: Shape4D): tf.Tensor4D {
  return tf.tidy(() =>
    // The operator reads only the shape of the image.
    run("ResizeBilinearGrad", [dy, tf.zeros(xShape)], { attributes: ATTRIBUTES })[0] as tf.Tensor4D
  );
}
