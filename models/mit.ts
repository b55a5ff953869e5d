import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, type ConfigPath } from "../core/errors.ts";
import { definePlugin, type ModelPlan, type Segmenter, type Setup, type TapInfo } from "../core/plugin.ts";
import { z } from "../core/schema.ts";
import { dropChannels } from "../ops/layers/dropout.ts";
import { layersOf } from "../ops/layers/scope.ts";
import { forwardTogether, type RunNetwork } from "../ops/layers/together.ts";
import { classifier } from "./classifier.ts";
import { COARSEST_FIRST, daformerHead, FINEST_FIRST, type Head, segformerHead } from "./mit_heads.ts";
import { mitNames } from "./mit_names.ts";
import { segformerLayout } from "./mit_transformers.ts";
import {
  mixTransformer,
  type MixTransformerShape,
  mixTransformerTaps,
  type PerStage,
  PUBLISHED_EPSILONS,
} from "./mix_transformer.ts";
import { trainingOptions } from "./resnet_options.ts";

const WIDE = { dims: [64, 128, 320, 512], width: 768 } as const;

/** The published sizes: channels and blocks of the stages, channels of SegFormer's head. */
export const MIT_SIZES = {
  b0: { dims: [32, 64, 160, 256], blocks: [2, 2, 2, 2], width: 256 },
  b1: { dims: WIDE.dims, blocks: [2, 2, 2, 2], width: 256 },
  b2: { ...WIDE, blocks: [3, 4, 6, 3] },
  b3: { ...WIDE, blocks: [3, 4, 18, 3] },
  b4: { ...WIDE, blocks: [3, 8, 27, 3] },
  b5: { ...WIDE, blocks: [3, 6, 40, 3] },
} as const;

/** Channels of DAFormer's head. */
const DAFORMER_WIDTH = 256;

/** Dilations of DeepLab-v2's head on this encoder, as in DAFormer's comparison. */
const DEEPLAB_RATES = [6, 12, 18, 24];

const perStage = z.array(z.int().min(1)).length(4);

const options = z.strictObject({
  size: z.enum(["b0", "b1", "b2", "b3", "b4", "b5"]).default("b0").describe(
    "one of the published sizes; dims, blocks, heads and reductions replace its numbers",
  ),
  dims: perStage.optional().describe("channels of the four stages; absent: the size's"),
  blocks: perStage.optional().describe("blocks of the four stages; absent: the size's"),
  heads: perStage.default([1, 2, 5, 8]).describe(
    "attention heads of the four stages; they divide the channels",
  ),
  reductions: perStage.default([8, 4, 2, 1]).describe(
    "pixels along a side of which the four stages make keys and values",
  ),
  head: z.enum(["segformer", "daformer", "deeplab-v2"]).default("segformer").describe(
    "segformer: linear maps of all stages, fused; daformer: the same with separable dilated convolutions; " +
      "deeplab-v2: summed dilated convolutions of stage4",
  ),
  head_width: z.int().min(1).optional().describe(
    "channels of the fused features; absent: 256, for segformer on b2 to b5 768",
  ),
  fuse_order: z.enum(["coarsest-first", "finest-first"]).default("coarsest-first").describe(
    "in which segformer's fusing convolution takes the stages: as published, or as in DAFormer's copy of it",
  ),
  aspp_rates: z.array(z.int().min(1)).min(1).max(16).default(DEEPLAB_RATES).describe(
    "of deeplab-v2: dilations of the convolutions that are summed",
  ),
  drop_path: z.number().min(0).lt(1).default(0.1).describe(
    "probability that training leaves out a branch of the last block; it grows from 0 in the first",
  ),
  dropout: z.number().min(0).lt(1).default(0.1).describe(
    "probability that training leaves a channel out before the classifier",
  ),
  ...trainingOptions,
});

type Options = z.output<typeof options>;

/** The numbers of an encoder that no option changes, since all published sizes share them. */
export type MitConstants = Pick<MixTransformerShape, "ratio" | "epsilon">;

/**
 * The Mix Transformer (Xie et al. 2021, SegFormer) with one of three heads. Four stages shrink the map to
 * strides 4, 8, 16 and 32, so the encoder gives fine maps as well as a wide view.
 *
 * Taps: `stage1` to `stage4`, with 64, 128, 320 and 512 channels (b0: half as many); with the heads
 * `segformer` and `daformer`, `fused` at stride 4, which the classifier reads; `logits` and `probabilities`
 * at its stride. With `deeplab-v2` the classifier reads `stage4`, and logits come at stride 32.
 */
export const mit = mitWith({ ratio: 4, epsilon: PUBLISHED_EPSILONS });

/** The plugin `mit` with other constants, as recorded networks may have them. */
export function mitWith(constants: MitConstants) {
  return definePlugin({
    kind: "model",
    name: "mit",
    summary: "Mix Transformer, b0 to b5, with SegFormer's, DAFormer's or DeepLab-v2's head",
    source: "Xie et al. 2021; Hoyer et al. 2022",
    options,
    plan(given, at) {
      const shape = shapeOf(given, constants);
      checkHeads(shape, at);
      const width = given.head_width ??
        (given.head === "segformer" ? MIT_SIZES[given.size].width : DAFORMER_WIDTH);
      return mitPlan(given, shape, width);
    },
  });
}

/** The encoder's sizes, by preset and by single numbers. */
function shapeOf(
  { size, dims, blocks, heads, reductions, drop_path, checkpointing }: Options,
  constants: MitConstants,
): MixTransformerShape {
  const four = (numbers: readonly number[]) => numbers as unknown as PerStage;
  return {
    dims: four(dims ?? MIT_SIZES[size].dims),
    blocks: four(blocks ?? MIT_SIZES[size].blocks),
    heads: four(heads),
    reductions: four(reductions),
    ...constants,
    dropPath: drop_path,
    checkpointing,
  };
}

/** @throws ConfigError when a stage's heads do not divide its channels */
function checkHeads({ dims, heads }: MixTransformerShape, at: ConfigPath): void {
  const wrong = dims.findIndex((channels, k) => channels % heads[k]! !== 0);
  if (wrong < 0) return;
  throw new ConfigError([{
    path: [...at, "heads"],
    message: `stage ${wrong + 1} has ${dims[wrong]} channels, which ${heads[wrong]} heads do not divide; ` +
      "change heads or dims",
  }]);
}

/** The plan: taps, groups and names, which are known before any weight exists. */
function mitPlan(given: Options, shape: MixTransformerShape, width: number): ModelPlan {
  const fuses = given.head !== "deeplab-v2";
  const published = given.dims === undefined && given.blocks === undefined;
  const affine = given.batch_norm !== "affine-frozen";
  const groups = ["backbone", "backbone/norm", "head"];
  return {
    featureTap: fuses ? "fused" : "stage4",
    groups: fuses && affine ? [...groups, "head/norm"] : groups,
    ...(published ? { published: `MiT-${given.size} trained on ImageNet` } : {}),
    weightNames: mitNames(given.head),
    ...(given.head === "segformer"
      ? {
        transformers: segformerLayout({
          shape,
          width,
          dropout: given.dropout,
          finestFirst: given.fuse_order === "finest-first",
        }),
      }
      : {}),
    taps(numClasses): Record<string, TapInfo> {
      const stages = mixTransformerTaps(shape);
      const stride = fuses ? 4 : 32;
      return {
        ...stages,
        ...(fuses ? { fused: { channels: width, stride, space: "real" } } : {}),
        logits: { channels: numClasses, stride, space: "real", head: CLASSIFIERS[given.head] },
        probabilities: { channels: numClasses, stride, space: "simplex" },
      };
    },
    create: (setup) => network(setup, { given, shape, width }),
  };
}

/** The beginning of the names of the classifier's parameters, by head. */
const CLASSIFIERS = {
  segformer: "decode_head.linear_pred.",
  daformer: "decode_head.conv_seg.",
  "deeplab-v2": "decode_head.",
} as const;

/** Everything a network is made of. */
interface Numbers {
  readonly given: Options;
  readonly shape: MixTransformerShape;
  readonly width: number;
}

/** Allocates the network. */
function network(setup: Setup, { given, shape, width }: Numbers): Segmenter {
  const layers = layersOf(setup);
  const encode = mixTransformer(layers, shape);
  const affine = given.batch_norm !== "affine-frozen";
  const headShape = { dims: shape.dims, width, classes: setup.numClasses, affine };
  const head: Head = given.head === "segformer"
    ? segformerHead(layers, headShape, given.fuse_order === "finest-first" ? FINEST_FIRST : COARSEST_FIRST)
    : given.head === "daformer"
    ? daformerHead(layers, headShape)
    : {
      fuse: (maps) => maps[3],
      classify: classifier(layers, {
        prefix: "decode_head.",
        rates: given.aspp_rates,
        bias: true,
        part: undefined,
      }, [
        shape.dims[3],
        setup.numClasses,
      ]),
    };
  const run: RunNetwork = (images, pass) => {
    const stages = encode(images, pass);
    const { stage1, stage2, stage3, stage4 } = stages;
    const fused = head.fuse([stage1, stage2, stage3, stage4], pass);
    const logits = head.classify(dropChannels(fused, given.dropout, pass));
    const probabilities = !pass.taps || pass.taps.includes("probabilities")
      ? { probabilities: tf.softmax(logits) }
      : {};
    const features = given.head === "deeplab-v2" ? {} : { fused };
    return { logits, taps: { ...stages, ...features, logits, ...probabilities } };
  };
  return {
    params: layers.params,
    buffers: layers.buffers,
    classify: head.classify,
    forward: forwardTogether(run, { batch: given.batch_norm !== "frozen" }),
  };
}
