import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/** Below this norm a vector is taken as it is, and receives no gradient if it is zero. */
const SMALLEST_NORM = 1e-12;

/** D(a, b) = a . b / (|a| |b|), in [-1, 1]. */
export const cosine = definePlugin({
  kind: "similarity",
  name: "cosine",
  summary: "the cosine of the angle between two feature vectors",
  source: "Kang et al. 2020, Eq. 1",
  options: z.strictObject({}),
  plan: () => ({
    accepts: "real",
    symmetric: true,
    contrastAggregation: true,
    pairwise(a, b) {
      const left = normalise(a);
      return tf.matMul(left, a === b ? left : normalise(b), false, true);
    },
  }),
});

/** x / |x| over the last axis; zero vectors stay zero, and so does their gradient. */
function normalise(x: tf.Tensor3D): tf.Tensor3D {
  const op = tf.customGrad((...args) => {
    const [input, save] = args as unknown as [tf.Tensor3D, tf.GradSaveFunc];
    const norm = tf.sqrt(tf.sum(tf.square(input), 2, true));
    const inverse = tf.div(tf.cast(tf.greater(norm, 0), "float32"), tf.maximum(norm, SMALLEST_NORM));
    const value = tf.mul(input, inverse);
    save([value, inverse]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [unit, scale] = saved as [tf.Tensor3D, tf.Tensor3D];
        const along = tf.sum(tf.mul(dy, unit), 2, true);
        return tf.mul(tf.sub(dy, tf.mul(unit, along)), scale);
      },
    };
  });
  return op(x) as tf.Tensor3D;
}
