import * as tf from "@tensorflow/tfjs-core";
import { conv2d } from "../ops/conv2d.ts";
import { definePlugin, type ModelPlan, type Segmenter, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { DEEPLAB_V2_NAMES } from "./deeplab_v2_names.ts";
import { resnet, resnetChannels, type ResnetShape } from "./resnet.ts";

const RATES = [6, 12, 18, 24] as const;

const PRESETS = { resnet50: [3, 4, 6, 3], resnet101: [3, 4, 23, 3] } as const;

const options = z.strictObject({
  layers: z.union([z.enum(["resnet50", "resnet101"]), z.array(z.int().min(1)).length(4)]).default("resnet101")
    .describe("blocks in each of the four stages, or a preset's name"),
  width: z.number().min(1 / 16).max(4).default(1).describe("factor on every channel count"),
  first_dilation: z.enum(["stage", "previous"]).default("stage").describe(
    "of the first block of layer3 and layer4: the stage's own (2, 4), or that of the stage before (1, 2)",
  ),
  stride_in: z.enum(["conv1", "conv2"]).default("conv1").describe(
    "of a stage that halves the size: its first 1x1 convolution (caffe, the published network) or the 3x3 (torchvision)",
  ),
  classifier_bias: z.boolean().default(false)
    .describe("whether each of the four classifying convolutions adds a bias per class"),
  batch_norm: z.enum(["train", "frozen"]).default("train")
    .describe("train: the batch's statistics while training; frozen: always the running ones"),
  checkpointing: z.boolean().default(false)
    .describe(
      "keep only the blocks' inputs for the gradient and compute the rest again: less memory, more time",
    ),
});

/** DeepLab-v2 (Chen et al. 2017) on a dilated bottleneck ResNet, output stride 8. */
export const deeplabV2 = definePlugin({
  kind: "model",
  name: "deeplab-v2",
  summary: "DeepLab-v2: dilated bottleneck ResNet, output stride 8, four summed ASPP convolutions",
  source: "Chen et al. 2017; He et al. 2016",
  options,
  plan({ layers, width, first_dilation, stride_in, classifier_bias, batch_norm, checkpointing }) {
    const blocks = typeof layers === "string" ? PRESETS[layers] : layers as unknown as ResnetShape["layers"];
    return deeplabPlan(
      { layers: blocks, width, firstDilation: first_dilation, strideIn: stride_in, checkpointing },
      { bias: classifier_bias, frozen: batch_norm === "frozen" },
    );
  },
});

interface HeadOptions {
  /** Whether the classifying convolutions have biases. */
  readonly bias: boolean;
  /** Whether batch-norm always uses the running statistics. */
  readonly frozen: boolean;
}

function deeplabPlan(shape: ResnetShape, head: HeadOptions): ModelPlan {
  const [stem, ...stages] = resnetChannels(shape.width);
  return {
    featureTap: "layer4",
    groups: ["backbone", "backbone/norm", "head"],
    weightNames: DEEPLAB_V2_NAMES,
    taps(numClasses) {
      const real = (channels: number, stride: number) => ({ channels, stride, space: "real" as const });
      return {
        stem: real(stem, 2),
        layer1: real(stages[0]!, 4),
        layer2: real(stages[1]!, 8),
        layer3: real(stages[2]!, 8),
        layer4: real(stages[3]!, 8),
        logits: real(numClasses, 8),
        probabilities: { channels: numClasses, stride: 8, space: "simplex" },
      };
    },
    create: (setup) => deeplab(setup, shape, head),
  };
}

function deeplab(setup: Setup, shape: ResnetShape, { bias, frozen }: HeadOptions): Segmenter {
  const layers = layersOf(setup);
  const backbone = resnet(layers, shape);
  const features = resnetChannels(shape.width)[4];
  const heads = RATES.map((dilation, k) => ({
    dilation,
    filter: layers.normalFilter(`classifier.0.convs.${k}.0.weight`, [3, 3, features, setup.numClasses], 0.01),
    ...(bias ? { bias: layers.param(`classifier.0.convs.${k}.0.bias`, tf.zeros([setup.numClasses])) } : {}),
  }));
  const classify = (x: tf.Tensor4D) =>
    heads.map(({ filter, dilation, bias }) => {
      const scores = conv2d(x, filter, { padding: dilation, dilation });
      return bias ? tf.add(scores, bias) as tf.Tensor4D : scores;
    }).reduce((a, b) => tf.add(a, b));
  const run: RunNetwork = (images, pass) => {
    const stages = backbone(images, pass);
    const logits = classify(stages.layer4);
    return { logits, taps: { ...stages, logits, probabilities: tf.softmax(logits) } };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify,
    forward: forwardTogether(run, { batch: !frozen }),
  };
}
