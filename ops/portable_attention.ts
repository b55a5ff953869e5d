/**
 * Attention composed of tfjs operators. attention.ts says how to think of it: scores exist for a block of
 * queries at a time, in the gradient as in the value, at most 8 MiB of them.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AttentionCall, AttentionGradient } from "./kernel_types.ts";

/** Bytes of the scores that exist at once. */
const SCORE_BYTES = 2 ** 23;

/** A block of consecutive queries: from, ..., from + count - 1. */
interface Queries {
  readonly from: number;
  readonly count: number;
}

/**
 * All queries, in blocks of about equal length whose scores take at most `bytes`, but of at least one query.
 * Blocks are equal so that the last is no small rest, for which a product would be inefficient.
 * @param queries at least 1 @param width scores of one query: keys times heads times images
 */
function queryBlocks(queries: number, width: number, bytes: number = SCORE_BYTES): Queries[] {
  const most = Math.max(1, Math.floor(bytes / (4 * width)));
  // Blocks of one length, none of them a short rest.
  const length = Math.ceil(queries / Math.ceil(queries / most));
  return Array.from({ length: Math.ceil(queries / length) }, (_, k) => {
    const from = k * length;
    return { from, count: Math.min(length, queries - from) };
  });
}

/** [N, T, C] to [N, heads, T, C / heads] */
function split(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [n, tokens, channels] = x.shape;
  return tf.transpose(tf.reshape(x, [n, tokens, heads, channels / heads]), [0, 2, 1, 3]) as tf.Tensor4D;
}

/** And back. */
function joined(x: tf.Tensor4D): tf.Tensor3D {
  const [n, heads, tokens, channels] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [n, tokens, heads * channels]);
}

/** The queries of a block, [N, heads, count, C / heads]. */
function rowsOf(x: tf.Tensor4D, { from, count }: Queries): tf.Tensor4D {
  const [n, heads, , channels] = x.shape;
  return tf.slice(x, [0, 0, from, 0], [n, heads, count, channels]);
}

/** Query times d^-0.5, key and value, split into heads; and the blocks of queries. */
function operands({ query, key, value, heads }: AttentionCall) {
  const scale = (query.shape[2] / heads) ** -0.5;
  return {
    q: split(tf.mul(query, scale), heads),
    k: split(key, heads),
    v: split(value, heads),
    scale,
    blocks: queryBlocks(query.shape[1], query.shape[0] * heads * key.shape[1]),
  };
}

/** See {@linkcode Kernels.attention}. */
export function portableAttention(call: AttentionCall): tf.Tensor3D {
  return tf.tidy(() => {
    const { q, k, v, blocks } = operands(call);
    const parts = blocks.map((block) =>
      tf.tidy(() => tf.matMul(tf.softmax(tf.matMul(rowsOf(q, block), k, false, true)), v))
    );
    return joined(tf.concat(parts, 2) as tf.Tensor4D);
  });
}

/** See {@linkcode Kernels.attentionGradient}. */
export function portableAttentionGradient(dy: tf.Tensor3D, call: AttentionCall): AttentionGradient {
  return tf.tidy(() => {
    const { q, k, v, scale, blocks } = operands(call);
    const slopes = split(dy, call.heads);
    const dQueries: tf.Tensor[] = [];
    let dK: tf.Tensor = tf.zerosLike(k), dV: tf.Tensor = tf.zerosLike(v);
    for (const block of blocks) {
      const before = [dK, dV] as const;
      const [dq, dk, dv] = tf.tidy(() => {
        const blockQueries = rowsOf(q, block), slope = rowsOf(slopes, block);
        const p = tf.softmax(tf.matMul(blockQueries, k, false, true));
        const dp = tf.matMul(slope, v, false, true);
        const ds = tf.mul(p, tf.sub(dp, tf.sum(tf.mul(p, dp), -1, true)));
        return [
          tf.mul(tf.matMul(ds, k), scale),
          tf.add(before[0], tf.matMul(ds, blockQueries, true, false)),
          tf.add(before[1], tf.matMul(p, slope, true, false)),
        ] as const;
      }) as unknown as readonly [tf.Tensor, tf.Tensor, tf.Tensor];
      tf.dispose([...before]);
      dQueries.push(dq);
      [dK, dV] = [dk, dv];
    }
    return {
      dQuery: joined(tf.concat(dQueries, 2) as tf.Tensor4D),
      dKey: joined(dK as tf.Tensor4D),
      dValue: joined(dV as tf.Tensor4D),
    };
  }) as unknown as AttentionGradient;
}
