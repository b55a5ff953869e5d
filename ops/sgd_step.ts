import * as tf from "@tensorflow/tfjs-core";
import type { SgdCall } from "./kernel_types.ts";

/** See {@linkcode Kernels.sgdStep}, composed of tfjs operators. `value` and `buffer` are changed in place. */
export function portableSgdStep({ value, gradient, buffer, rate, momentum, decay }: SgdCall): void {
  tf.tidy(() => {
    let direction = decay === 0 ? gradient : tf.add(gradient, tf.mul(value, decay));
    if (buffer) {
      direction = tf.add(tf.mul(buffer, momentum), direction);
      buffer.assign(direction);
    }
    value.assign(tf.sub(value, tf.mul(direction, rate)));
  });
}
