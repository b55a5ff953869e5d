import * as tf from "@tensorflow/tfjs-core";
import type { AttentionCall } from "./kernel_types.ts";
import { kernels } from "./kernels.ts";

/**
 * softmax(query key^T d^-0.5) value for every head, heads beside each other (Vaswani et al. 2017); d is the
 * channels of a head. Head h owns the channels h d to (h + 1) d - 1. Scores are never all kept: they exist
 * for a block of queries at a time, and are computed again for the gradient, for which only the three inputs
 * are kept.
 * @param call query float32 [N, T, C], key and value float32 [N, S, C], S at least 1; `heads` divides C
 * @returns float32 [N, T, C]
 * @throws Error when the shapes do not fit
 */
export function attention({ query, key, value, heads }: AttentionCall): tf.Tensor3D {
  const [images, , channels] = query.shape, tokens = key.shape[1];
  const fits = tf.util.arraysEqual(key.shape, [images, tokens, channels]) &&
    tf.util.arraysEqual(key.shape, value.shape) && channels % heads === 0 && (tokens > 0 || query.size === 0);
  if (!fits) {
    throw new Error(
      `attention of ${heads} heads has queries [${query.shape}], keys [${key.shape}] and values [${value.shape}]: ` +
        "expected [N, T, C] and twice [N, S, C], S at least 1, C a multiple of the heads",
    );
  }
  if (query.size === 0) return tf.clone(query);
  const op = tf.customGrad((...args) => {
    const [q, k, v, save] = args as unknown as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D, tf.GradSaveFunc];
    save([q, k, v]);
    return {
      value: kernels().attention({ query: q, key: k, value: v, heads }),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [a, b, c] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
        const { dQuery, dKey, dValue } = kernels().attentionGradient(dy as tf.Tensor3D, {
          query: a,
          key: b,
          value: c,
          heads,
        });
        return [dQuery, dKey, dValue];
      },
    };
  });
  return op(query, key, value) as tf.Tensor3D;
}
