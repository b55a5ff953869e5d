import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "./kernel_types.ts";

/** See {@linkcode Kernels.leakyRelu}, composed of tfjs operators. */
export const portableLeakyRelu: Kernels["leakyRelu"] = (x, bias, leak) => {
  const result = tf.tidy(() => {
    const y = bias ? tf.add(x, bias) as tf.Tensor4D : tf.clone(x);
    return leak === 1 ? y : tf.maximum(y, tf.mul(y, leak)) as tf.Tensor4D;
  });
  x.dispose();
  return result;
};

/** See {@linkcode Kernels.leakyReluGradient}, composed of tfjs operators. */
export const portableLeakyReluGradient: Kernels["leakyReluGradient"] = (dy, y, leak) =>
  tf.tidy(() => tf.where(tf.less(y, 0), tf.mul(dy, leak), dy));
