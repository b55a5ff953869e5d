import * as tf from "@tensorflow/tfjs-core";
import { attention } from "../ops/attention.ts";
import { gelu } from "../ops/gelu.ts";
import { convolutionLayer, depthwiseLayer } from "../ops/layers/convolution.ts";
import { timesEach } from "../ops/layers/dropout.ts";
import { layerNormLayer } from "../ops/layers/layer_norm.ts";
import { linearLayer } from "../ops/layers/linear.ts";
import type { Layers } from "../ops/layers/scope.ts";

/** The numbers that are added to variances. */
export interface Epsilons {
  /** In the two norms of a block and the norm of a stage. */
  readonly block: number;
  /** In the norm of a patch embedding. */
  readonly patch: number;
  /** In the norm of reduced keys and values. */
  readonly reduction: number;
}

/** The numbers of a block. */
export interface BlockShape {
  readonly channels: number;
  /** Heads of the attention; they divide the channels. */
  readonly heads: number;
  /** Keys and values are made of squares of so many pixels a side; 1: they are as fine as the map. */
  readonly reduction: number;
  /** The channels within the feed-forward part are so many times `channels`. */
  readonly ratio: number;
  readonly epsilon: Epsilons;
}

/** The drop path factor of each image of a batch: 0, or more than 1; undefined: 1 for all. */
export type Kept = Float32Array | undefined;

/**
 * float32 [N, H, W, C] to the same shape. @param kept the drop path factors of the attention and of the
 * feed-forward part
 */
export type Block = (x: tf.Tensor4D, kept: readonly [Kept, Kept]) => tf.Tensor4D;

/**
 * A block of the Mix Transformer (Xie et al. 2021): x += attention(norm1(x)), x += mlp(norm2(x)). Keys and
 * values of a reduced map come from a convolution whose stride is its side, so rows and columns beyond a
 * multiple of the reduction have queries, but no keys and values.
 */
export function mixTransformerBlock(layers: Layers, name: string, shape: BlockShape): Block {
  const { channels, epsilon } = shape;
  const norm1 = layerNormLayer(layers, [`${name}.norm1`, channels], epsilon.block);
  const attend = efficientAttention(layers, `${name}.attn`, shape);
  const norm2 = layerNormLayer(layers, [`${name}.norm2`, channels], epsilon.block);
  const feed = mixFeedForward(layers, `${name}.mlp`, shape);
  return (x, [ofAttention, ofFeed]) => {
    const y = tf.add(x, timesEach(attend(norm1(x)), ofAttention)) as tf.Tensor4D;
    return tf.add(y, timesEach(feed(norm2(y)), ofFeed)) as tf.Tensor4D;
  };
}

/**
 * Attention with reduced keys and values. Of the 2C outputs of `kv` the first C are keys, the others values;
 * head h has the channels h d to (h + 1) d - 1 of each, where d = C / heads.
 */
function efficientAttention(
  layers: Layers,
  name: string,
  { channels, heads, reduction, epsilon }: BlockShape,
): (x: tf.Tensor4D) => tf.Tensor4D {
  const toQuery = linearLayer(layers, [`${name}.q`, channels, channels]);
  const toKeyAndValue = linearLayer(layers, [`${name}.kv`, channels, 2 * channels]);
  const project = linearLayer(layers, [`${name}.proj`, channels, channels]);
  const reduce = reduction === 1 ? undefined : reducer(layers, name, { channels, reduction, epsilon });
  const tokens = <C extends tf.Tensor>(x: C) =>
    tf.reshape(x as tf.Tensor, [x.shape[0]!, -1, x.shape.at(-1)!]) as tf.Tensor3D;
  return (x) => {
    const seen = reduce ? reduce(x) : x;
    const [key, value] = tf.split(tokens(toKeyAndValue(seen)), 2, 2) as [tf.Tensor3D, tf.Tensor3D];
    const mixed = attention({ query: tokens(toQuery(x)), key, value, heads });
    return tf.reshape(project(mixed), x.shape) as tf.Tensor4D;
  };
}

/** A convolution that makes one pixel of each square of `reduction` x `reduction`, and a norm. */
function reducer(
  layers: Layers,
  name: string,
  { channels, reduction, epsilon }: Pick<BlockShape, "channels" | "reduction" | "epsilon">,
): (x: tf.Tensor4D) => tf.Tensor4D {
  const shrink = convolutionLayer(layers, [`${name}.sr`, reduction, channels, channels], {
    stride: reduction,
  });
  const norm = layerNormLayer(layers, [`${name}.norm`, channels], epsilon.reduction);
  return (x) => norm(shrink(x));
}

/**
 * Two linear maps with a 3x3 depthwise convolution and a GELU between them. The zeros around the convolution
 * tell the network where a pixel lies.
 */
function mixFeedForward(
  layers: Layers,
  name: string,
  { channels, ratio }: BlockShape,
): (x: tf.Tensor4D) => tf.Tensor4D {
  const inner = ratio * channels;
  const widen = linearLayer(layers, [`${name}.fc1`, channels, inner]);
  const convolve = depthwiseLayer(layers, [`${name}.dwconv.dwconv`, inner]);
  const narrow = linearLayer(layers, [`${name}.fc2`, inner, channels]);
  return (x) => narrow(gelu(convolve(widen(x))));
}
