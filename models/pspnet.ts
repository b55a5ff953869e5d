import * as tf from "@tensorflow/tfjs-core";
import { definePlugin, type ModelPlan, type Segmenter, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { adaptiveAveragePool } from "../ops/average_pool.ts";
import { conv2d } from "../ops/conv2d.ts";
import { dropChannels } from "../ops/layers/dropout.ts";
import type { Pass } from "../ops/layers/batch_norm.ts";
import { type Layers, layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { resizeBilinear } from "../ops/resize_bilinear.ts";
import { PSPNET_NAMES } from "./pspnet_names.ts";
import { convolutionAndNorm, resnet, resnetChannels, type ResnetShape, resnetTaps } from "./resnet.ts";
import { blocksOf, publishedResnet, sizeOptions, trainingOptions } from "./resnet_options.ts";

const options = z.strictObject({
  ...sizeOptions,
  pools: z.array(z.int().min(1).max(16)).min(1).max(8).default([1, 2, 3, 6]).describe(
    "cells along a side of each pooled map of the pyramid",
  ),
  dropout: z.number().min(0).lt(1).default(0.1).describe(
    "probability that training leaves a channel out before a classifier",
  ),
  ...trainingOptions,
});

type Options = z.output<typeof options>;

/** Channels of each branch of the pyramid and of both classifiers' inputs, at width 1. */
const HEAD_CHANNELS = 512;

/**
 * PSPNet (Zhao et al. 2017) as the published program of the method pyCDA (Lian et al. 2019) uses it: a dilated
 * ResNet with a stem of three convolutions. Its features are averaged over grids of 1, 2, 3 and 6 cells a
 * side. These pooled maps, enlarged again (half-pixel centres), are concatenated to the features, so that each
 * pixel also knows what the whole image and its parts show. A convolution makes the tap `pyramid` of all this,
 * which the main classifier reads; it is the feature tap. An auxiliary classifier on layer3 is the tap
 * `auxiliary`.
 *
 * Parameters of the head have the names of that program's modules (`conv_last_deepsup`, ...).
 */
export const pspnet = definePlugin({
  kind: "model",
  name: "pspnet",
  summary: "PSPNet: dilated ResNet with a deep stem, pyramid pooling, an auxiliary classifier on layer3",
  source: "Zhao et al. 2017; Lian et al. 2019",
  options,
  plan(given): ModelPlan {
    const { width } = given;
    const shape: ResnetShape = {
      layers: blocksOf(given.layers),
      width,
      firstDilation: "previous",
      strideIn: "conv2",
      stem: "deep",
      affine: given.batch_norm !== "affine-frozen",
      checkpointing: given.checkpointing,
    };
    const parts = ["backbone/stem", "backbone/block", "backbone/downsample", "head"];
    return {
      featureTap: "pyramid",
      groups: parts.flatMap((part) => shape.affine ? [part, `${part}/norm`] : [part]),
      ...publishedResnet(shape),
      weightNames: PSPNET_NAMES,
      taps(numClasses) {
        const logits = { channels: numClasses, stride: 8, space: "real" } as const;
        return {
          ...resnetTaps(shape),
          pyramid: { ...logits, channels: Math.floor(HEAD_CHANNELS * width) },
          logits: { ...logits, head: "decoder.conv_last.4." },
          probabilities: { ...logits, space: "simplex" },
          auxiliary: { ...logits, head: "decoder.conv_last_deepsup." },
        };
      },
      create: (setup) => network(setup, shape, given),
    };
  },
});

/** Allocates the network. */
function network(setup: Setup, shape: ResnetShape, { pools, dropout, batch_norm }: Options): Segmenter {
  const layers = layersOf(setup);
  const backbone = resnet(layers, shape);
  const [, , , layer3, layer4] = resnetChannels(shape);
  const { affine } = shape;
  const inner = Math.floor(HEAD_CHANNELS * shape.width);
  /** A convolution of odd side to `inner` channels, with its norm. */
  const normed = (names: readonly [string, string], side: number, input: number) =>
    convolutionAndNorm(layers, names, [side, input, inner], { padding: (side - 1) / 2, affine });
  const branches = pools.map((cells, k) => ({
    cells,
    layer: normed([`decoder.ppm.${k}.1`, `decoder.ppm.${k}.2`], 1, layer4),
  }));
  const last = normed(["decoder.conv_last.0", "decoder.conv_last.1"], 3, layer4 + pools.length * inner);
  const classify = pointwise(layers, "decoder.conv_last.4", [inner, setup.numClasses]);
  const auxiliaryFeatures = normed(["decoder.cbr_deepsup.0", "decoder.cbr_deepsup.1"], 3, layer3);
  const classifyAuxiliary = pointwise(layers, "decoder.conv_last_deepsup", [inner, setup.numClasses]);
  const pyramidOf = (x: tf.Tensor4D, pass: Pass) => {
    const size = [x.shape[1], x.shape[2]] as const;
    const pooled = branches.map(({ cells, layer }) =>
      resizeBilinear(layer(adaptiveAveragePool(x, [cells, cells]), pass, { relu: true }), size)
    );
    return last(tf.concat([x, ...pooled], 3), pass, { relu: true });
  };
  const run: RunNetwork = (images, pass) => {
    const stages = backbone(images, pass);
    const pyramid = pyramidOf(stages.layer4, pass);
    const logits = classify(dropChannels(pyramid, dropout, pass));
    const taps = { ...stages, pyramid, logits, probabilities: tf.softmax(logits) };
    // Where it is known which taps are read, an auxiliary classifier that nobody reads is not computed.
    if (pass.taps && !pass.taps.includes("auxiliary")) return { logits, taps };
    const features = auxiliaryFeatures(stages.layer3, pass, { relu: true });
    return { logits, taps: { ...taps, auxiliary: classifyAuxiliary(dropChannels(features, dropout, pass)) } };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify,
    forward: forwardTogether(run, { batch: batch_norm !== "frozen" }),
  };
}

/** A 1x1 convolution with biases. */
function pointwise(layers: Layers, name: string, [input, output]: readonly [number, number]) {
  const filter = layers.normalFilter(`${name}.weight`, [1, 1, input, output], Math.sqrt(2 / input));
  const bias = layers.param(`${name}.bias`, tf.zeros([output]));
  return (x: tf.Tensor4D) => tf.add(conv2d(x, filter), bias) as tf.Tensor4D;
}
