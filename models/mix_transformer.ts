/**
 * The encoder of SegFormer (Xie et al. 2021). It is a vision transformer in four stages, like a convolutional
 * network: each stage begins with a strided convolution that makes a coarser map with more channels
 * (overlapping patches), then its blocks let pixels attend to each other. Full attention among the pixels of
 * a fine map would cost too much, so keys and values come from a map reduced by 8, 4, 2 and 1. There is no
 * table of positions: zeros around 3x3 convolutions tell the network where it is, so any image size works.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../core/errors.ts";
import type { TapInfo } from "../core/plugin.ts";
import { checkpoint } from "../ops/checkpoint.ts";
import type { Pass } from "../ops/layers/batch_norm.ts";
import { convolutionLayer } from "../ops/layers/convolution.ts";
import { drawnFactors } from "../ops/layers/dropout.ts";
import { layerNormLayer } from "../ops/layers/layer_norm.ts";
import type { Layers } from "../ops/layers/scope.ts";
import { type Epsilons, type Kept, mixTransformerBlock } from "./mix_transformer_block.ts";

/** A number for each of the four stages. */
export type PerStage = readonly [number, number, number, number];

/** The size of a Mix Transformer. */
export interface MixTransformerShape {
  /** Channels of each stage. */
  readonly dims: PerStage;
  /** Blocks of each stage. */
  readonly blocks: PerStage;
  /** Attention heads of each stage; they divide its channels. */
  readonly heads: PerStage;
  /** Keys and values of each stage are made of squares of so many pixels a side. */
  readonly reductions: PerStage;
  /** The channels within the feed-forward parts are so many times the stage's. */
  readonly ratio: number;
  /**
   * Probability that training leaves out a branch of the last block; it grows linearly from 0 in the first.
   */
  readonly dropPath: number;
  readonly epsilon: Epsilons;
  /** Whether blocks keep only their input for the gradient, and are computed again. */
  readonly checkpointing: boolean;
}

/** The epsilons of the published code (SegFormer, DAFormer). */
export const PUBLISHED_EPSILONS: Epsilons = { block: 1e-6, patch: 1e-5, reduction: 1e-5 };

/** The taps of a Mix Transformer, in the order of its stages. */
const STAGE_NAMES = ["stage1", "stage2", "stage3", "stage4"] as const;

/** The stages' outputs, by tap name. */
export type MixStages = Record<typeof STAGE_NAMES[number], tf.Tensor4D>;

/** The patch embedding of each stage: a convolution with overlapping windows. */
const PATCHES = [
  { side: 7, stride: 4, padding: 3 },
  { side: 3, stride: 2, padding: 1 },
  { side: 3, stride: 2, padding: 1 },
  { side: 3, stride: 2, padding: 1 },
] as const;

/** The taps of the stages: strides 4, 8, 16 and 32. */
export function mixTransformerTaps(
  { dims }: Pick<MixTransformerShape, "dims">,
): Record<keyof MixStages, TapInfo> {
  const [stage1, stage2, stage3, stage4] = dims.map((channels, k) => ({
    channels,
    stride: 4 * 2 ** k,
    space: "real" as const,
  }));
  return { stage1: stage1!, stage2: stage2!, stage3: stage3!, stage4: stage4! };
}

/**
 * The probabilities of the blocks in the order of all stages, rising linearly: of block b of B, rate b / (B -
 * 1). A single block has 0.
 * @param rate of the last block, in [0, 1)
 */
export function dropPathRates(blocks: PerStage, rate: number): number[] {
  const count = blocks.reduce((sum, one) => sum + one, 0);
  return Array.from({ length: count }, (_, block) => count === 1 ? 0 : rate * block / (count - 1));
}

/**
 * Builds it: four stages of a patch embedding and blocks. A stage's normed map is both its output and the
 * input of the next stage. Its parameters are called as in the published files, after `backbone.`.
 * @returns a function of float32 [N, H, W, 3] to the output of every stage, [N, h, w, C] with h = floor((H -
 * 1) / 4) + 1 and then floor((h - 1) / 2) + 1; it throws UserError when images are too small for a stage
 */
export function mixTransformer(layers: Layers, shape: MixTransformerShape) {
  const rates = dropPathRates(shape.blocks, shape.dropPath);
  let first = 0;
  const stages = shape.dims.map((_, stage) => {
    const from = first;
    first += shape.blocks[stage]!;
    return stageOf(layers, shape, { stage, rates: rates.slice(from, first) });
  });
  return (images: tf.Tensor4D, pass: Pass): MixStages => {
    let x = images;
    const [stage1, stage2, stage3, stage4] = stages.map((stage) => x = stage(x, pass));
    return { stage1: stage1!, stage2: stage2!, stage3: stage3!, stage4: stage4! };
  };
}

/** Builds one stage. @param rates the drop path probabilities of its blocks */
function stageOf(
  layers: Layers,
  { dims, blocks, heads, reductions, ratio, epsilon, checkpointing }: MixTransformerShape,
  { stage, rates }: { readonly stage: number; readonly rates: readonly number[] },
): (x: tf.Tensor4D, pass: Pass) => tf.Tensor4D {
  const number = stage + 1, channels = dims[stage]!, reduction = reductions[stage]!;
  const { side, stride, padding } = PATCHES[stage]!;
  const embed = convolutionLayer(
    layers,
    [`backbone.patch_embed${number}.proj`, side, stage === 0 ? 3 : dims[stage - 1]!, channels],
    { stride, padding, constantInput: stage === 0 },
  );
  const patchNorm = layerNormLayer(layers, [`backbone.patch_embed${number}.norm`, channels], epsilon.patch);
  const stageBlocks = Array.from({ length: blocks[stage]! }, (_, k) => {
    const before = layers.params.length;
    const block = mixTransformerBlock(layers, `backbone.block${number}.${k}`, {
      channels,
      heads: heads[stage]!,
      reduction,
      ratio,
      epsilon,
    });
    const blockParams = layers.params.slice(before).map(({ value }) => value);
    const run = (x: tf.Tensor4D, kept: readonly [Kept, Kept]) => tf.tidy(() => block(x, kept));
    return checkpointing
      ? (x: tf.Tensor4D, kept: readonly [Kept, Kept]) =>
        checkpoint((input) => run(input, kept), x, blockParams)
      : run;
  });
  const norm = layerNormLayer(layers, [`backbone.norm${number}`, channels], epsilon.block);
  return (x, pass) => {
    const patches = patchNorm(embed(x));
    checkSize(x, patches, { number, reduction });
    return norm(stageBlocks.reduce((y, block, k) => {
      const rate = rates[k]!;
      // Drawn outside of the block, which may be computed again and must not draw again then.
      return block(y, [drawnFactors(1, rate, pass), drawnFactors(1, rate, pass)]);
    }, patches));
  };
}

/** @throws UserError when a stage's map has fewer pixels along a side than one key or value is made of */
function checkSize(
  x: tf.Tensor4D,
  patches: tf.Tensor4D,
  { number, reduction }: { readonly number: number; readonly reduction: number },
): void {
  const [, height, width] = patches.shape;
  if (Math.min(height, width) >= reduction) return;
  throw new UserError(
    `the Mix Transformer's stage ${number} has a map of ${height}x${width} (height x width), of which it makes keys and values ` +
      `of ${reduction}x${reduction} pixels each: its images are too small (what stage ${number} sees is ` +
      `${x.shape[1]}x${
        x.shape[2]
      }); use larger ones (input.crop, evaluation.size), or smaller model.options.reductions`,
  );
}
