/**
 * The two opponents of DISE (Chang et al. 2019): one tells translated images from real ones, the other tells
 * the domain of probability maps. Both are chains of convolutions of stride 2 with a leaky ReLU, which differ
 * in their first and last layer and in normalisation.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Setup } from "../../core/plugin.ts";
import { instanceNorm } from "../image_norm.ts";
import { Companion, leakyRelu } from "./companion.ts";
import type { Discriminator } from "./discriminator.ts";

/** How a judge is built. */
export interface JudgeOptions {
  /** Channels of what it judges. */
  readonly input: number;
  /** Channels of its first convolution, which double three times; 64 as published. */
  readonly width: number;
}

/** In what the two opponents differ. */
interface Kind {
  /** Window of the first convolution. */
  readonly first: { readonly side: number; readonly padding: number };
  /** Whether the other convolutions' results are normalised for each image and channel. */
  readonly normalised: boolean;
  /** Window of the last convolution, which has stride 1. */
  readonly last: { readonly side: number; readonly padding: number };
}

/**
 * Scores whether images are real: 6x6, then three 4x4 convolutions with instance norm, and a 1x1 with bias.
 * float32 [N, H, W, input] to [N, H / 16, W / 16, 1], sides rounded down.
 */
export function imageJudge(setup: Setup, options: JudgeOptions): Discriminator {
  const first = { side: 6, padding: 2 };
  return judge(setup, options, { first, normalised: true, last: { side: 1, padding: 0 } });
}

/**
 * Scores from which domain maps are: four 4x4 convolutions, and one of stride 1 and padding 2 with bias.
 * float32 [N, H, W, input] to [N, H / 16 + 1, W / 16 + 1, 1], sides rounded down.
 */
export function domainJudge(setup: Setup, options: JudgeOptions): Discriminator {
  const first = { side: 4, padding: 1 };
  return judge(setup, options, { first, normalised: false, last: { side: 4, padding: 2 } });
}

/** Builds an opponent of a kind. */
function judge(
  setup: Setup,
  { input, width }: JudgeOptions,
  { first, normalised, last }: Kind,
): Discriminator {
  const companion = new Companion(setup);
  const channels = [width, 2 * width, 4 * width, 8 * width];
  const layers = channels.map((output, k) => {
    const window = k === 0 ? first : { side: 4, padding: 1 };
    const inputs = k === 0 ? input : channels[k - 1]!;
    const leaky = !normalised || k === 0;
    const shape = { ...window, input: inputs, output, stride: 2, bias: false, leaky };
    const convolve = companion.convolution(`${k}.conv`, shape);
    return leaky ? convolve : (x: tf.Tensor4D) => leakyRelu(instanceNorm(convolve(x)));
  });
  const out = companion.convolution("out", { ...last, input: channels.at(-1)!, output: 1 });
  return {
    params: companion.params,
    smallest: 2 ** channels.length,
    judge: (maps: tf.Tensor4D) => out(layers.reduce((x, layer) => layer(x), maps)),
  };
}
