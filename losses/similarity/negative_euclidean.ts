import * as tf from "@tensorflow/tfjs-core";
import { definePlugin } from "../../core/plugin.ts";
import { z } from "../../core/schema.ts";

/**
 * Distances below this share of sqrt(|a|^2 + |b|^2) are rounding, because |a - b|^2 is computed as a
 * difference: they count as 0, without gradient.
 */
const RELATIVE_ZERO = 1e-3;

/**
 * D(a, b) = -|a - b|, at most 0. Symmetric. It is no product of factors, so the association computes it and
 * its gradient by `pairwise`, part by part. Its scale depends on the features, which the contrast
 * normalisation takes out.
 */
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

/**
 * [N, P, C] and [N, Q, C] to [N, P, Q], by |a|^2 + |b|^2 - 2 a . b; the gradient of -|a - b| is -(a - b) / |a
 * - b|.
 */
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
