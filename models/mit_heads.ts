/**
 * The heads on the Mix Transformer: they bring the four stages to one size and fuse them. The encoder's
 * receptive field is wide already, so a head needs little: linear maps and a 1x1 convolution (SegFormer), or
 * separable dilated convolutions for more context (DAFormer).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Pass } from "../ops/layers/batch_norm.ts";
import { batchNorm } from "../ops/layers/batch_norm.ts";
import { convolutionLayer, depthwiseLayer } from "../ops/layers/convolution.ts";
import { linear } from "../ops/linear.ts";
import { linearLayer } from "../ops/layers/linear.ts";
import type { Layers } from "../ops/layers/scope.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";

/** The outputs of the four stages, float32 [N, h, w, C] each, finest first. */
export type Maps = readonly [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

/** A head: from the stages to features, and from features to logits. */
export interface Head {
  /** float32 [N, h, w, width] of the finest stage's size. */
  fuse(maps: Maps, pass: Pass): tf.Tensor4D;
  /** float32 [N, h, w, width] to logits [N, h, w, classes]. */
  classify(features: tf.Tensor4D): tf.Tensor4D;
}

/** The sizes of a head. */
export interface HeadShape {
  /** Channels of each stage. */
  readonly dims: readonly number[];
  /** Channels of the features. */
  readonly width: number;
  readonly classes: number;
  /** Whether the weights and biases of batch-norm are trained. */
  readonly affine: boolean;
}

/** The order in which the fusing convolution takes the stages; published files differ in it. */
export type FuseOrder = readonly number[];

/** The order of SegFormer's own code and of Hugging Face. */
export const COARSEST_FIRST: FuseOrder = [3, 2, 1, 0];
/** The order in the copy of SegFormer's head within DAFormer. */
export const FINEST_FIRST: FuseOrder = [0, 1, 2, 3];

/** Standard deviation of the classifier's weights at the start. */
const CLASSIFIER_DEVIATION = 0.01;

/**
 * The all-MLP head (Xie et al. 2021): every stage goes through a linear map and is enlarged to the finest
 * one's size; all together go through one 1x1 convolution, batch norm and ReLU.
 *
 * It is computed in another order, with the same sum. Everything before batch norm is linear in every pixel,
 * and the weights of a bilinear resize sum to 1. So the linear map of a stage and its part of the 1x1
 * convolution are multiplied into one small matrix first, and maps are enlarged last. That is a small part of
 * the work, and no map with all four stages' channels exists.
 * @param order the order in which the 1x1 convolution's weights take the stages
 */
export function segformerHead(
  layers: Layers,
  { dims, width, classes, affine }: HeadShape,
  order: FuseOrder,
): Head {
  const embeddings = dims.map((channels, k) => {
    const name = `decode_head.linear_c${k + 1}.proj`;
    const weight = layers.normal(`${name}.weight`, [width, channels], 0.02) as tf.Variable<tf.Rank.R2>;
    const bias = layers.param(`${name}.bias`, tf.zeros([width])) as tf.Variable<tf.Rank.R1>;
    return { weight, bias };
  });
  const stages = dims.length;
  const fuse = layers.normalFilter(
    "decode_head.linear_fuse.conv.weight",
    [1, 1, stages * width, width],
    Math.sqrt(2 / width),
  );
  const norm = batchNorm(layers, ["decode_head.linear_fuse.bn", width], { affine });
  const classify = convolutionLayer(layers, ["decode_head.linear_pred", 1, width, classes], {
    deviation: CLASSIFIER_DEVIATION,
  });
  return {
    fuse(maps, pass) {
      const parts = tf.split(tf.reshape(fuse, [stages * width, width]) as tf.Tensor2D, stages, 0);
      const [, height, columns] = maps[0].shape;
      const fused = embeddings.map(({ weight, bias }, k) => {
        const part = parts[order.indexOf(k)]!;
        const matrix = tf.matMul(weight, part, true) as tf.Tensor2D;
        const offset = tf.reshape(tf.matMul(tf.reshape(bias, [1, width]), part), [width]) as tf.Tensor1D;
        return resizeBilinear(linear(maps[k]!, { weight: matrix, bias: offset }), [height, columns]);
      }).reduce((a, b) => tf.add(a, b));
      return norm(fused, pass, { relu: true });
    },
    classify,
  };
}

/** Dilations of the context layer's separable convolutions. */
const DILATIONS = [6, 12, 18];

/**
 * DAFormer's head (Hoyer et al. 2022): every stage goes through a linear map and is enlarged to the finest
 * one's size. Of all together a 1x1 convolution and three depthwise separable ones of dilation 6, 12 and 18
 * are made, and of these together a 3x3 convolution; each with batch norm and ReLU.
 */
export function daformerHead(layers: Layers, { dims, width, classes, affine }: HeadShape): Head {
  const embeddings = dims.map((channels, k) =>
    linearLayer(layers, [`decode_head.embed_layers.${k}.proj`, channels, width])
  );
  const all = dims.length * width;
  const modules = "decode_head.fuse_layer.aspp_modules";
  const convolved = (name: string, [side, input]: readonly [number, number]) => {
    const convolve = convolutionLayer(layers, [`${name}.conv`, side, input, width], {
      bias: false,
      padding: (side - 1) / 2,
    });
    const norm = batchNorm(layers, [`${name}.bn`, width], { affine });
    return (x: tf.Tensor4D, pass: Pass) => norm(convolve(x), pass, { relu: true });
  };
  const pointwise = convolved(`${modules}.0`, [1, all]);
  const separable = DILATIONS.map((dilation, k) => {
    const name = `${modules}.${k + 1}.depthwise_conv`;
    const convolve = depthwiseLayer(layers, [`${name}.conv`, all], { dilation, bias: false });
    const norm = batchNorm(layers, [`${name}.bn`, all], { affine });
    const mix = convolved(`${modules}.${k + 1}.pointwise_conv`, [1, all]);
    return (x: tf.Tensor4D, pass: Pass) => mix(norm(convolve(x), pass, { relu: true }), pass);
  });
  const bottleneck = convolved("decode_head.fuse_layer.bottleneck", [3, (DILATIONS.length + 1) * width]);
  const classify = convolutionLayer(layers, ["decode_head.conv_seg", 1, width, classes], {
    deviation: CLASSIFIER_DEVIATION,
  });
  return {
    fuse(maps, pass) {
      const [, height, columns] = maps[0].shape;
      const embedded = maps.map((map, k) => resizeBilinear(embeddings[k]!(map), [height, columns]));
      const x = tf.concat(embedded, 3);
      return bottleneck(
        tf.concat([pointwise(x, pass), ...separable.map((branch) => branch(x, pass))], 3),
        pass,
      );
    },
    classify,
  };
}
