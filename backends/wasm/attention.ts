/**
 * Attention in the heap (ops/attention.ts says how to think of it). Channels are first brought into the order
 * of heads, so that the queries of a head are a matrix: a plane. A block is some queries of one plane, or
 * several small planes together; its scores lie in one buffer of half a megabyte, which every block uses
 * again, so scores never leave a near cache.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { AttentionCall, Kernels } from "../../ops/kernel_types.ts";
import { address, emptyTensor } from "./heap.ts";
import type { MultiplyPlanes, Planes } from "./products.ts";
import { simd } from "./simd.ts";

/** Bytes of the scores that exist at once: they stay in a near cache. */
const SCORE_BYTES = 2 ** 19;

/** The sizes of a call. A plane is a head of an image; `width` is the channels of a head. */
interface Sizes {
  readonly images: number;
  readonly heads: number;
  readonly planes: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
}

/** The sizes of a call. */
function sizesOf({ query: { shape: [images, queries, channels] }, key, heads }: AttentionCall): Sizes {
  return { images, heads, planes: images * heads, queries, keys: key.shape[1], width: channels / heads };
}

/** [N, tokens, C] as [N heads, tokens, C / heads], times a factor. */
function split(x: tf.Tensor3D, { images, heads, planes, width }: Sizes, factor = 1): tf.Tensor3D {
  const tokens = x.shape[1];
  if (heads === 1 && factor === 1) return tf.reshape(x, [planes, tokens, width]);
  const y = emptyTensor([planes, tokens, width]) as tf.Tensor3D;
  simd("splitHeads", address(x), images, tokens, heads, width, factor, 0, address(y));
  return y;
}

/** [N heads, tokens, C / heads] as [N, tokens, C], times a factor. */
function joined(x: tf.Tensor3D, { images, heads, width }: Sizes, factor = 1): tf.Tensor3D {
  const tokens = x.shape[1], shape: [number, number, number] = [images, tokens, heads * width];
  if (heads === 1 && factor === 1) return tf.reshape(x, shape);
  const y = emptyTensor(shape) as tf.Tensor3D;
  simd("splitHeads", address(x), images, tokens, heads, width, factor, 1, address(y));
  return y;
}

/**
 * Queries `from` to `from + rows - 1` of `planes` planes from `plane` on; of several planes always all
 * queries.
 */
interface Block {
  readonly plane: number;
  readonly planes: number;
  readonly from: number;
  readonly rows: number;
}

/** All blocks of a call, planes in order, and within a plane its queries from the first to the last. */
function blocksOf({ planes, queries, keys }: Sizes): Block[] {
  const most = Math.max(1, Math.floor(SCORE_BYTES / (4 * keys)));
  const together = Math.max(1, Math.floor(most / queries));
  const parts = Math.ceil(queries / most), length = Math.ceil(queries / parts);
  const blocks: Block[] = [];
  for (let plane = 0; plane < planes; plane += together) {
    for (let from = 0; from < queries; from += length) {
      const rows = Math.min(length, queries - from);
      blocks.push({ plane, planes: Math.min(together, planes - plane), from, rows });
    }
  }
  return blocks;
}

/** The rows of a block's queries in a tensor [planes, rows, columns]. */
function part(tensor: tf.Tensor3D, { plane, planes, from, rows }: Block): Planes {
  const [, length, columns] = tensor.shape;
  return { tensor, element: (plane * length + from) * columns, planes, rows, columns };
}

/** All rows (keys) of a block's planes. */
function planesOf(tensor: tf.Tensor3D, { plane, planes }: Block): Planes {
  const [, rows, columns] = tensor.shape;
  return { tensor, element: plane * rows * columns, planes, rows, columns };
}

/** The same planes, as a transposed factor. */
function turned(planes: Planes): Planes {
  return { ...planes, transposed: true };
}

/** Allocates the buffer for scores; the function returned gives it the shape of a block. */
function scoresOf(blocks: readonly Block[], { keys }: Sizes) {
  const tensor = emptyTensor([Math.max(...blocks.map(({ planes, rows }) => planes * rows)), keys]);
  return ({ planes, rows }: Block): Planes => ({ tensor, element: 0, planes, rows, columns: keys });
}

/** The two steps that `wasm` and `native` compute differently. */
export interface AttentionParts {
  readonly multiply: MultiplyPlanes;
  /** The softmax of every row, in place. */
  readonly softmax: (scores: Planes) => void;
}

/** The softmax of every row, in place, by the heap's own kernel. */
export function heapSoftmax({ tensor, element, planes, rows, columns }: Planes): void {
  simd("softmaxScores", address(tensor, element), planes * rows, columns);
}

/** The kernels of a backend that computes these steps its own way. */
export function heapAttention(
  { multiply, softmax }: AttentionParts,
): Pick<Kernels, "attention" | "attentionGradient"> {
  return {
    attention(call) {
      return tf.tidy(() => {
        const sizes = sizesOf(call), blocks = blocksOf(sizes), scores = scoresOf(blocks, sizes);
        const q = split(call.query, sizes, sizes.width ** -0.5);
        const [k, v] = [split(call.key, sizes), split(call.value, sizes)];
        const y = emptyTensor(q.shape) as tf.Tensor3D;
        for (const block of blocks) {
          const s = scores(block);
          multiply([part(q, block), turned(planesOf(k, block))], s, false);
          softmax(s);
          multiply([s, planesOf(v, block)], part(y, block), false);
        }
        return joined(y, sizes);
      });
    },
    attentionGradient(dy, call) {
      const { dQuery, dKey, dValue } = tf.tidy(() => {
        const sizes = sizesOf(call), blocks = blocksOf(sizes), scale = sizes.width ** -0.5;
        const scores = scoresOf(blocks, sizes), slopes = scoresOf(blocks, sizes);
        const q = split(call.query, sizes, scale), d = split(dy, sizes);
        const [k, v] = [split(call.key, sizes), split(call.value, sizes)];
        const [dq, dk, dv] = [q, k, v].map(({ shape }) => emptyTensor(shape) as tf.Tensor3D);
        for (const block of blocks) {
          const p = scores(block), s = slopes(block), more = block.from > 0;
          multiply([part(q, block), turned(planesOf(k, block))], p, false);
          softmax(p);
          multiply([turned(p), part(d, block)], planesOf(dv!, block), more);
          multiply([part(d, block), turned(planesOf(v, block))], s, false);
          simd("softmaxScoresGradient", address(p.tensor), address(s.tensor), p.planes * p.rows, p.columns);
          multiply([s, planesOf(k, block)], part(dq!, block), false);
          // The queries are scaled already.
          multiply([turned(s), part(q, block)], planesOf(dk!, block), more);
        }
        return {
          dQuery: joined(dq!, sizes, scale),
          dKey: joined(dk!, sizes),
          dValue: joined(dv!, sizes),
        };
      });
      return { dQuery, dKey, dValue };
    },
  };
}
