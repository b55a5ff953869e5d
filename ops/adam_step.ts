import * as tf from "@tensorflow/tfjs-core";
import type { AdamCall } from "./kernel_types.ts";

/** See {@linkcode Kernels.adamStep}, composed of tfjs operators. */
export function portableAdamStep(call: AdamCall): void {
  const { value, gradient, mean, square, beta1, beta2, epsilon, decay, keep, rate, correction } = call;
  tf.tidy(() => {
    const g = decay === 0 ? gradient : tf.add(gradient, tf.mul(value, decay));
    mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(g, 1 - beta1)));
    square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(g), 1 - beta2)));
    const root = tf.add(tf.sqrt(tf.div(square, correction)), epsilon);
    const kept = keep === 1 ? value : tf.mul(value, keep);
    value.assign(tf.sub(kept, tf.div(tf.mul(mean, rate), root)));
  });
}
