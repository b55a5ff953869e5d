/**
 * Attention whose memory grows with the tokens, not with their square. For T queries and S keys the scores
 * are T x S numbers for each head and image: at 4,096 tokens and 8 heads half a gigabyte, which a plain
 * reverse pass keeps until the gradient is due. Here scores exist for a block of queries at a time. The
 * forward pass makes a block of scores, their softmax P, its product with the values, and drops both. The
 * backward pass makes the block again:
 *
 *   dV += P^T dY,   dP = dY V^T,   dS = P (dP - row sums of P dP),   dQ = dS K,   dK += dS^T Q
 *
 * (with the factor d^-0.5 of the scores in Q). What is kept for the gradient is query, key and value; not
 * even the row sums of the softmax, because a block holds whole rows.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AttentionCall } from "./kernel_types.ts";
import { kernels } from "./kernels.ts";

/**
 * softmax(query key^T d^-0.5) value for every head, heads beside each other (Vaswani et al. 2017); d is the
 * channels of a head. Head h has the channels h d to (h + 1) d - 1.
 * @param call query float32 [N, T, C], key and value float32 [N, S, C], S at least 1; `heads` divides C
 * @returns float32 [N, T, C]; an empty query gives an empty result
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
        const [savedQuery, savedKey, savedValue] = saved as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
        const { dQuery, dKey, dValue } = kernels().attentionGradient(dy as tf.Tensor3D, {
          query: savedQuery,
          key: savedKey,
          value: savedValue,
          heads,
        });
        return [dQuery, dKey, dValue];
      },
    };
  });
  return op(query, key, value) as tf.Tensor3D;
}
