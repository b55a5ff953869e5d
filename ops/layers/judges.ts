/**
 * Opponents of translated images and of domains: convolutions of stride 2 with a leaky ReLU (Chang et al.
 * 2019).
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

interface Kind {
  /** Of the first convolution. */
  readonly first: { readonly side: number; readonly padding: number };
  /** Whether the other convolutions' results are normalised for each image and channel. */
  readonly normalised: boolean;
  /** Of the last one, of stride 1. */
  readonly last: { readonly side: number; readonly padding: number };
}

/**
 * Whether an image is real: 6x6, then three 4x4 convolutions with instance norm, and a 1x1 with bias.
 * float32 [N, H, W, input] to [N, H / 16, W / 16, 1].
 */
export function imageJudge(setup: Setup, options: JudgeOptions): Discriminator {
  const first = { side: 6, padding: 2 };
  return judge(setup, options, { first, normalised: true, last: { side: 1, padding: 0 } });
}

/**
 * Which domain a map is of: four 4x4 convolutions, and one of stride 1 and padding 2 with bias.
 * float32 [N, H, W, input] to [N, H / 16 + 1, W / 16 + 1, 1].
 */
export function domainJudge(setup: Setup, options: JudgeOptions): Discriminator {
  const first = { side: 4, padding: 1 };
  return judge(setup, options, { first, normalised: false, last: { side: 4, padding: 2 } });
}

function judge(
  setup: Setup,
  { input, width }: JudgeOptions,
  { first, normalised, last }: Kind,
): Discriminator {
  const made = new Companion(setup);
  const channels = [width, 2 * width, 4 * width, 8 * width];
  const layers = channels.map((output, k) => {
    const window = k === 0 ? first : { side: 4, padding: 1 };
    const inputs = k === 0 ? input : channels[k - 1]!;
    return made.convolution(`${k}.conv`, { ...window, input: inputs, output, stride: 2, bias: false });
  });
  const out = made.convolution("out", { ...last, input: channels.at(-1)!, output: 1 });
  return {
    params: made.params,
    smallest: 2 ** channels.length,
    judge: (maps: tf.Tensor4D) =>
      out(layers.reduce((x, layer, k) => {
        const y = layer(x);
        return leakyRelu(normalised && k > 0 ? instanceNorm(y) : y);
      }, maps)),
  };
}
