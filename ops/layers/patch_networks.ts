/**
 * What tells the mode of a patch, and who tells patches of the target by it: 1x1 convolutions with leaky
 * ReLUs of 0.2.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Companion, leakyRelu, type Mapping } from "./companion.ts";

/** The head of a patch's mode. */
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

/** To `width` channels and to a logit for each cluster. */
export function patchHead(setup: Setup, { input, width, clusters }: PatchHeadOptions): PatchHead {
  const { params, run } = chain(setup, "head.", [input, width, clusters]);
  return { params, classify: run };
}

/** The opponent. */
export interface PatchJudge {
  readonly params: readonly Param[];
  /** float32 [N, rows, columns, input] to scores [N, rows, columns, 1]. */
  judge(modes: tf.Tensor4D): tf.Tensor4D;
}

/** To 256, 512 and 1 channels. */
export function patchJudge(setup: Setup, { input }: { readonly input: number }): PatchJudge {
  const { params, run } = chain(setup, "judge.", [input, 256, 512, 1]);
  return { params, judge: run };
}

function chain(
  setup: Setup,
  prefix: string,
  channels: readonly number[],
): { params: readonly Param[]; run: Mapping } {
  const made = new Companion(setup, prefix);
  const layers = channels.slice(1).map((output, k) =>
    made.convolution(`${k}`, { side: 1, input: channels[k]!, output })
  );
  const run: Mapping = (x) =>
    layers.reduce((y, layer, k) => k < layers.length - 1 ? leakyRelu(layer(y)) : layer(y), x);
  return { params: made.params, run };
}
