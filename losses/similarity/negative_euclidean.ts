import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/** Distances below this, relative to the vectors' norms, are rounding: taken as 0, without gradient. */
const RELATIVE_ZERO = 1e-3;

/** D(a, b) = -|a - b|, at most 0. */
export const negativeEuclidean = definePlugin({
  kind: "similarity",
  name: "negative-euclidean",
  summary: "minus the Euclidean distance between two feature vectors",
  options: z.strictObject({}),
  plan: () => ({
    accepts: "real",
    symmetric: true,
    pairwise: (a, b) => distances(a, b),
  }),
});

function distances(a: tf.Tensor3D, b: tf.Tensor3D): tf.Tensor3D {
  const op = tf.customGrad((...args) => {
    const [x, y, save] = args as unknown as [tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
    const xx = tf.sum(tf.square(x), 2, true);
    const yy = tf.transpose(tf.sum(tf.square(y), 2, true), [0, 2, 1]);
    const norms = tf.add(xx, yy);
    const squared = tf.relu(tf.sub(norms, tf.mul(tf.matMul(x, y, false, true), 2)));
    const apart = tf.greater(squared, tf.mul(norms, RELATIVE_ZERO ** 2));
    const zero = tf.zerosLike(squared);
    const distance = tf.where(apart, tf.sqrt(squared), zero);
    const inverse = tf.where(apart, tf.reciprocal(tf.maximum(distance, 1e-30)), zero);
    save([x, y, inverse]);
    return {
      value: tf.neg(distance),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [left, right, scale] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
        const pull = tf.mul(dy, scale) as tf.Tensor3D;
        const rows = tf.sum(pull, 2, true);
        const columns = tf.transpose(tf.sum(pull, 1, true), [0, 2, 1]);
        return [
          tf.sub(tf.matMul(pull, right), tf.mul(left, rows)),
          tf.sub(tf.matMul(pull, left, true, false), tf.mul(right, columns)),
        ];
      },
    };
  });
  return op(a, b) as tf.Tensor3D;
}
