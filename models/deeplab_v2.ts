import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, type ConfigPath } from "../core/errors.ts";
import { definePlugin, type ModelPlan, type Segmenter, type Setup } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { classifier } from "./classifier.ts";
import { deeplabV2Names } from "./deeplab_v2_names.ts";
import { blocksOf, publishedResnet, sizeOptions, trainingOptions } from "./resnet_options.ts";
import { resnet, resnetChannels, type ResnetShape, resnetTaps } from "./resnet.ts";

const RATES = [6, 12, 18, 24];

/** The taps that every network has; a further head needs another name. */
const TAPS = ["stem", "pool", "layer1", "layer2", "layer3", "layer4", "logits", "probabilities"];

const options = z.strictObject({
  ...sizeOptions,
  first_dilation: z.enum(["stage", "previous"]).default("stage").describe(
    "of the first block of layer3 and layer4: the stage's own (2, 4), or that of the stage before (1, 2)",
  ),
  stride_in: z.enum(["conv1", "conv2"]).default("conv1").describe(
    "of a stage that halves the size: its first 1x1 convolution (caffe, the published network) or the 3x3 (torchvision)",
  ),
  classifier_bias: z.boolean().default(false)
    .describe("whether each of the four classifying convolutions adds a bias per class"),
  aspp_rates: z.array(z.int().min(1)).min(1).max(16).default(RATES).describe(
    "dilations of the classifying convolutions, which are summed; [6, 12] is what several published networks use of four",
  ),
  heads: z.record(z.string(), z.enum(["layer3", "layer4"])).default({}).describe(
    "further classifiers by name, which is their tap's, and the stage that they classify, as in {auxiliary: layer3}",
  ),
  ...trainingOptions,
});

/**
 * DeepLab-v2 (Chen et al. 2017) on a dilated bottleneck ResNet: the network of PLCA and of most methods here.
 * Its last two stages do not shrink the map but dilate their windows, so logits come at about an eighth of
 * the image's sides.
 *
 * Taps, with their strides and their channels at width 1: `stem` (2, 64), `pool` (4, 64), `layer1` (4, 256),
 * `layer2` (8, 512), `layer3` (8, 1024), `layer4` (8, 2048), `logits` and `probabilities` (8, K), and one
 * like `logits` for each further head. Parameters of the main classifier are called `classifier.0`, those of
 * further heads `classifier.1` and so on, in the order of `heads`.
 */
export const deeplabV2 = definePlugin({
  kind: "model",
  name: "deeplab-v2",
  summary: "DeepLab-v2: dilated bottleneck ResNet, output stride 8, summed ASPP convolutions, further heads",
  source: "Chen et al. 2017; He et al. 2016",
  options,
  plan(given, at) {
    const { batch_norm } = given;
    checkHeadNames(Object.keys(given.heads), [...at, "heads"]);
    const shape: ResnetShape = {
      layers: blocksOf(given.layers),
      width: given.width,
      firstDilation: given.first_dilation,
      strideIn: given.stride_in,
      stem: "single",
      affine: batch_norm !== "affine-frozen",
      checkpointing: given.checkpointing,
    };
    return deeplabPlan(shape, {
      bias: given.classifier_bias,
      frozen: batch_norm === "frozen",
      rates: given.aspp_rates,
      heads: given.heads,
    });
  },
});

/**
 * @throws ConfigError for a head whose name is that of a tap, or has other characters than letters, digits, _
 * and -
 */
function checkHeadNames(names: readonly string[], at: ConfigPath): void {
  const issues = names.flatMap((name) => {
    const path = [...at, name];
    if (TAPS.includes(name)) return [{ path, message: "is a tap already; call the head something else" }];
    if (/^[A-Za-z][\w-]*$/.test(name)) return [];
    return [{ path, message: "expected a name of letters, digits, _ and -, as in auxiliary" }];
  });
  if (issues.length > 0) throw new ConfigError(issues);
}

/** How the classifiers are made. */
interface HeadOptions {
  /** Whether the classifying convolutions have biases. */
  readonly bias: boolean;
  /** Whether batch-norm always uses the running statistics. */
  readonly frozen: boolean;
  /** Dilations of the convolutions that are summed. */
  readonly rates: readonly number[];
  /** The stages that further heads classify, by the heads' names. */
  readonly heads: Readonly<Record<string, "layer3" | "layer4">>;
}

/** The beginning of the names of a head's parameters; the main head is the first. */
const headPrefix = (place: number) => `classifier.${place}.`;

/** The plan: taps, groups and names, which are known before any weight exists. */
function deeplabPlan(shape: ResnetShape, head: HeadOptions): ModelPlan {
  const names = Object.keys(head.heads);
  const parts = ["stem", "block", "downsample"].map((part) => `backbone/${part}`);
  return {
    featureTap: "layer4",
    moreTaps: "model.options.heads adds more, as in {auxiliary: layer3}",
    groups: [
      ...parts.flatMap((part) => shape.affine ? [part, `${part}/norm`] : [part]),
      "head",
      ...names.map((name) => `head/${name}`),
    ],
    ...publishedResnet(shape),
    weightNames: deeplabV2Names({ heads: names.length, branches: head.rates.length }),
    taps(numClasses) {
      const logits = (place: number) =>
        ({ channels: numClasses, stride: 8, space: "real", head: headPrefix(place) }) as const;
      return {
        ...resnetTaps(shape),
        logits: logits(0),
        probabilities: { channels: numClasses, stride: 8, space: "simplex" },
        ...Object.fromEntries(names.map((name, k) => [name, logits(k + 1)])),
      };
    },
    create: (setup) => deeplab(setup, shape, head),
  };
}

/** Allocates the network. */
function deeplab(setup: Setup, shape: ResnetShape, { bias, frozen, rates, heads }: HeadOptions): Segmenter {
  const layers = layersOf(setup);
  const backbone = resnet(layers, shape);
  const channels = { layer3: resnetChannels(shape)[3], layer4: resnetChannels(shape)[4] };
  const head = (place: number, stage: "layer3" | "layer4", part?: string) =>
    classifier(layers, { prefix: headPrefix(place), rates, bias, part }, [
      channels[stage],
      setup.numClasses,
    ]);
  const classify = head(0, "layer4");
  const others = Object.entries(heads).map(([name, stage], k) => ({
    name,
    stage,
    classify: head(k + 1, stage, name),
  }));
  const run: RunNetwork = (images, pass) => {
    const stages = backbone(images, pass);
    const logits = classify(stages.layer4);
    const wanted = others.filter(({ name }) => !pass.taps || pass.taps.includes(name));
    const more = wanted.map(({ name, stage, classify }) => [name, classify(stages[stage])]);
    const taps = { ...stages, logits, probabilities: tf.softmax(logits), ...Object.fromEntries(more) };
    return { logits, taps };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify,
    forward: forwardTogether(run, { batch: !frozen }),
  };
}
