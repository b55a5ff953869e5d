/**
 * The two networks of patch alignment (after Tsai et al. 2019): a head that predicts the mode of each patch,
 * and an opponent that tells by the predicted modes from which domain a patch is. Both are 1x1 convolutions
 * over the grid of patches, with leaky ReLUs of 0.2 between them.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Companion, type Mapping } from "./companion.ts";

/** The head that predicts modes, with its parameters. */
export interface PatchHead {
  readonly params: readonly Param[];
  /** float32 [N, rows, columns, input] to logits of the modes. */
  classify(cells: tf.Tensor4D): tf.Tensor4D;
}

/** How the head is built. */
export interface PatchHeadOptions {
  readonly input: number;
  readonly width: number;
  readonly clusters: number;
}

/** Builds the head: to `width` channels, then to a logit for each cluster. */
export function patchHead(setup: Setup, { input, width, clusters }: PatchHeadOptions): PatchHead {
  const { params, run } = chain(setup, "head.", [input, width, clusters]);
  return { params, classify: run };
}

/** The opponent, with its parameters. */
export interface PatchJudge {
  readonly params: readonly Param[];
  /** float32 [N, rows, columns, input] to scores [N, rows, columns, 1]. */
  judge(modes: tf.Tensor4D): tf.Tensor4D;
}

/** Builds the opponent: to 256, 512 and 1 channels. */
export function patchJudge(setup: Setup, { input }: { readonly input: number }): PatchJudge {
  const { params, run } = chain(setup, "judge.", [input, 256, 512, 1]);
  return { params, judge: run };
}

/** 1x1 convolutions from `channels[0]` on, with a leaky ReLU after each but the last. */
function chain(
  setup: Setup,
  prefix: string,
  channels: readonly number[],
): { params: readonly Param[]; run: Mapping } {
  const companion = new Companion(setup, prefix);
  const layers = channels.slice(1).map((output, k) =>
    companion.convolution(`${k}`, { side: 1, input: channels[k]!, output, leaky: k < channels.length - 2 })
  );
  const run: Mapping = (x) => layers.reduce((y, layer) => layer(y), x);
  return { params: companion.params, run };
}
