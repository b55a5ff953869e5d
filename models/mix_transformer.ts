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
  /** Pixels along a side of which keys and values of each stage are made. */
  readonly reductions: PerStage;
  /** Channels within the feed-forward parts, in times of the stage's. */
  readonly ratio: number;
  /**
   * Probability that training leaves out a branch of the last block; it grows linearly from 0 in the first.
   */
  readonly dropPath: number;
  readonly epsilon: Epsilons;
  /** Whether blocks keep only their input for the gradient, and are computed again. */
  readonly checkpointing: boolean;
}

/** Those of the published code (SegFormer, DAFormer). */
export const PUBLISHED_EPSILONS: Epsilons = { block: 1e-6, patch: 1e-5, reduction: 1e-5 };

/** The taps of a Mix Transformer, in the order of its stages. */
export const STAGE_NAMES = ["stage1", "stage2", "stage3", "stage4"] as const;

/** The stages' outputs, by tap name. */
export type MixStages = Record<typeof STAGE_NAMES[number], tf.Tensor4D>;

/** Patch embeddings: overlapping windows. */
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
 * Probabilities of the blocks in the order of all stages: of block b of B, rate b / (B - 1); a single block
 * has none.
 * @param rate in [0, 1)
 */
export function dropPathRates(blocks: PerStage, rate: number): number[] {
  const count = blocks.reduce((sum, one) => sum + one, 0);
  return Array.from({ length: count }, (_, block) => count === 1 ? 0 : rate * block / (count - 1));
}

/**
 * A Mix Transformer (Xie et al. 2021): four stages of overlapping patches and blocks; a stage's normed map is
 * both its output and what the next one sees. Its parameters are called as in the published files, after
 * `backbone.`.
 * @returns a function of float32 [N, H, W, 3] to the output of every stage, [N, h, w, C] with h = floor((H -
 * 1) / 4) + 1 and then floor((h - 1) / 2) + 1
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
  const made = Array.from({ length: blocks[stage]! }, (_, k) => {
    const before = layers.params.length;
    const block = mixTransformerBlock(layers, `backbone.block${number}.${k}`, {
      channels,
      heads: heads[stage]!,
      reduction,
      ratio,
      epsilon,
    });
    const own = layers.params.slice(before).map(({ value }) => value);
    const run = (x: tf.Tensor4D, kept: readonly [Kept, Kept]) => tf.tidy(() => block(x, kept));
    return checkpointing
      ? (x: tf.Tensor4D, kept: readonly [Kept, Kept]) => checkpoint((input) => run(input, kept), x, own)
      : run;
  });
  const norm = layerNormLayer(layers, [`backbone.norm${number}`, channels], epsilon.block);
  return (x, pass) => {
    const patches = patchNorm(embed(x));
    checkSize(x, patches, { number, reduction });
    return norm(made.reduce((y, block, k) => {
      const rate = rates[k]!;
      // Drawn ahead of the block, which may be computed again.
      return block(y, [drawnFactors(1, rate, pass), drawnFactors(1, rate, pass)]);
    }, patches));
  };
}

/** @throws UserError when keys and values would be made of no pixel */
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
