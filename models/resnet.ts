/**
 * The encoder of DeepLab-v2 and PSPNet: a bottleneck ResNet (He et al. 2016) whose last two stages keep their
 * map's size. A classifier of whole images shrinks the map by 32; for labels of pixels that is too coarse. So
 * layer3 and layer4 take no strides, and their 3x3 windows are dilated by 2 and 4 instead: they see as much
 * context as before, at an eighth of the image's sides.
 *
 * Published networks differ in small things, which must be as in the weights that are read: where a stage
 * halves the size, the dilation of a stage's first block, the stem, the rounding of the pooling.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { TapInfo } from "../core/plugin.ts";
import { checkpoint } from "../ops/checkpoint.ts";
import { conv2d, type Conv2dOptions } from "../ops/conv2d.ts";
import { maxPool } from "../ops/max_pool.ts";
import { type After, batchNorm, type NormOptions, type Pass } from "../ops/layers/batch_norm.ts";
import { type Layers, layersIn } from "../ops/layers/scope.ts";

/** The size of a bottleneck ResNet. */
export interface ResnetShape {
  /** Blocks in each of the four stages: 3, 4, 23, 3 is ResNet-101. */
  readonly layers: readonly [number, number, number, number];
  /** Factor on every channel count. */
  readonly width: number;
  /**
   * The dilation of the first block of layer3 and layer4. `stage`: the stage's, 2 and 4, as in the published
   * PLCA network; `previous`: that of the stage before, 1 and 2, as torchvision's ResNets trade stride for
   * dilation.
   */
  readonly firstDilation: "stage" | "previous";
  /** Where a stage that halves the size does so: in its first 1x1 convolution, or in the 3x3 after it. */
  readonly strideIn: "conv1" | "conv2";
  /**
   * `single`: one 7x7 convolution, and a pooling that rounds sizes up. `deep`: three 3x3 convolutions of 64,
   * 64 and 128 channels (at width 1), and a pooling that rounds down.
   */
  readonly stem: "single" | "deep";
  /** Whether the weights and biases of batch-norm are trained. */
  readonly affine: boolean;
  /** Whether blocks keep only their input for the gradient, and are computed again. */
  readonly checkpointing: boolean;
}

/** The stages' outputs, by tap name. */
export type Stages = Record<"stem" | "pool" | "layer1" | "layer2" | "layer3" | "layer4", tf.Tensor4D>;

/** Inner channels, stride and dilation of each stage; outputs have four times the channels. */
const STAGES = [
  { planes: 64, stride: 1, dilation: 1 },
  { planes: 128, stride: 2, dilation: 1 },
  { planes: 256, stride: 1, dilation: 2 },
  { planes: 512, stride: 1, dilation: 4 },
] as const;

/** Channels of the stem, and of each stage's output. */
export function resnetChannels(
  { width, stem }: Pick<ResnetShape, "width" | "stem">,
): readonly [number, number, number, number, number] {
  const [a, b, c, d] = STAGES.map(({ planes }) => 4 * Math.floor(planes * width));
  return [Math.floor(64 * width) * (stem === "deep" ? 2 : 1), a!, b!, c!, d!];
}

/** The taps of the stages. */
export function resnetTaps(shape: Pick<ResnetShape, "width" | "stem">): Record<keyof Stages, TapInfo> {
  const [stem, layer1, layer2, layer3, layer4] = resnetChannels(shape).map((channels) => ({
    channels,
    stride: 8,
    space: "real" as const,
  }));
  return {
    stem: { ...stem!, stride: 2 },
    pool: { ...stem!, stride: 4 },
    layer1: { ...layer1!, stride: 4 },
    layer2: layer2!,
    layer3: layer3!,
    layer4: layer4!,
  };
}

type Layer = (x: tf.Tensor4D, pass: Pass, after?: After) => tf.Tensor4D;

/**
 * Builds it. Parameters are in the parts `stem`, `block` and `downsample` of their group.
 * @returns a function of float32 [N, H, W, 3] to the output of every stage
 */
export function resnet(layers: Layers, shape: ResnetShape) {
  const { layers: blocks, width, firstDilation, strideIn, affine, checkpointing } = shape;
  const stem = stemOf(layersIn(layers, "stem"), shape);
  let channels = resnetChannels(shape)[0];
  const stages = STAGES.map(({ planes, stride, dilation }, stage) => {
    const bottleneck = Math.floor(planes * width);
    const first = firstDilation === "stage" ? dilation : STAGES[Math.max(0, stage - 1)]!.dilation;
    return Array.from({ length: blocks[stage]! }, (_, k) => {
      const bottleneckBlock = block(layers, `backbone.layer${stage + 1}.${k}`, {
        input: channels,
        bottleneck,
        stride: k === 0 ? stride : 1,
        dilation: k === 0 ? first : dilation,
        strideIn,
        affine,
        checkpointing,
      });
      channels = 4 * bottleneck;
      return bottleneckBlock;
    });
  });
  return (images: tf.Tensor4D, pass: Pass): Stages => {
    const first = stem(images, pass);
    const pool = maxPool(first, { size: 3, stride: 2, padding: 1 }, { ceil: shape.stem === "single" });
    let x = pool;
    const outputs = stages.map((stage) => x = inTurn(stage, x, pass));
    const [layer1, layer2, layer3, layer4] = outputs;
    return { stem: first, pool, layer1: layer1!, layer2: layer2!, layer3: layer3!, layer4: layer4! };
  };
}

/**
 * The result of one layer after the other. What lies between two of them is let go: for the gradient, operators
 * keep what they need by themselves, perhaps in fewer bits.
 */
function inTurn(stage: readonly Layer[], first: tf.Tensor4D, pass: Pass): tf.Tensor4D {
  return stage.reduce((input, layer) => {
    const output = layer(input, pass);
    if (input !== first) input.dispose();
    return output;
  }, first);
}

/** The convolutions before the pooling. */
function stemOf(layers: Layers, { stem, width, affine }: ResnetShape): Layer {
  const narrow = Math.floor(64 * width);
  const first = { stride: 2, constantInput: true, affine };
  const convolutions = stem === "single"
    ? [
      convolutionAndNorm(layers, ["backbone.conv1", "backbone.bn1"], [7, 3, narrow], {
        ...first,
        padding: 3,
      }),
    ]
    : [3, narrow, narrow].map((input, k) =>
      convolutionAndNorm(
        layers,
        [`backbone.conv${k + 1}`, `backbone.bn${k + 1}`],
        [3, input, k === 2 ? 2 * narrow : narrow],
        { ...(k === 0 ? first : { affine }), padding: 1 },
      )
    );
  return (x, pass) => convolutions.reduce((y, layer) => layer(y, pass, { relu: true }), x);
}

/** The sizes of one block. */
interface BlockShape {
  readonly input: number;
  readonly bottleneck: number;
  readonly stride: number;
  readonly dilation: number;
  readonly strideIn: ResnetShape["strideIn"];
  readonly affine: boolean;
  readonly checkpointing: boolean;
}

/**
 * Builds a bottleneck block: 1x1, 3x3 and 1x1 convolutions, each with a norm, and the shortcut, which has a
 * 1x1 convolution in the first block of a stage. With checkpointing only its input is kept for the gradient.
 */
function block(
  all: Layers,
  name: string,
  { input, bottleneck, stride, dilation, strideIn, affine, checkpointing }: BlockShape,
): Layer {
  const layers = layersIn(all, "block");
  const output = 4 * bottleneck;
  const names = (k: number) => [`${name}.conv${k}`, `${name}.bn${k}`] as const;
  const before = layers.params.length;
  const reduce = convolutionAndNorm(layers, names(1), [1, input, bottleneck], {
    stride: strideIn === "conv1" ? stride : 1,
    affine,
  });
  const middle = convolutionAndNorm(layers, names(2), [3, bottleneck, bottleneck], {
    stride: strideIn === "conv2" ? stride : 1,
    padding: dilation,
    dilation,
    affine,
  });
  const expand = convolutionAndNorm(layers, names(3), [1, bottleneck, output], { affine });
  const shortcut = input !== output || stride !== 1 || name.endsWith(".0")
    ? convolutionAndNorm(
      layersIn(all, "downsample"),
      [`${name}.downsample.0`, `${name}.downsample.1`],
      [1, input, output],
      { stride, affine },
    )
    : undefined;
  const blockParams = layers.params.slice(before).map(({ value }) => value);
  // At the end of the block everything is freed that is not kept for the gradient.
  const run: Layer = (x, pass) =>
    tf.tidy(() => {
      const residual = shortcut ? shortcut(x, pass) : x;
      const y = middle(reduce(x, pass, { relu: true }), pass, { relu: true });
      return expand(y, pass, { residual, relu: true });
    });
  if (!checkpointing) return run;
  return (x, pass) => checkpoint((input) => run(input, pass), x, blockParams);
}

/**
 * A convolution without bias and the batch norm after it.
 * @param names of both @param sizes the filter's side, channels in and out
 */
export function convolutionAndNorm(
  layers: Layers,
  [convolution, norm]: readonly [string, string],
  [side, input, output]: readonly [number, number, number],
  { affine, ...window }: Conv2dOptions & NormOptions,
): Layer {
  // He et al. 2015, fan-out.
  const deviation = Math.sqrt(2 / (side * side * output));
  const filter = layers.normalFilter(`${convolution}.weight`, [side, side, input, output], deviation);
  const normalise = batchNorm(layers, [norm, output], { affine });
  return (x, pass, after) => normalise(conv2d(x, filter, window), pass, after);
}
