import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Companion, leakyRelu } from "./companion.ts";

/** An opponent with a branch for each class. */
export interface ClassJudge {
  readonly params: readonly Param[];
  /** float32 [N, h, w, input] and masks [N, h, w, K] to scores [N, h / 4, w / 4, K], sides rounded up. */
  judge(features: tf.Tensor4D, masks: tf.Tensor4D): tf.Tensor4D;
}

/** How it is built. */
export interface ClassJudgeOptions {
  /** Channels of the features. */
  readonly input: number;
  /** Channels inside. */
  readonly width: number;
}

/**
 * A 1x1 convolution that all classes share; its result, masked to a class, goes through the class's own two
 * 3x3 convolutions of stride 2 and a 1x1 one, with leaky ReLUs of 0.2 between them.
 */
export function classJudge(setup: Setup, { input, width }: ClassJudgeOptions): ClassJudge {
  const made = new Companion(setup);
  const shared = made.convolution("shared", { side: 1, input, output: width });
  const branches = Array.from({ length: setup.numClasses }, (_, k) => {
    const half = { side: 3, input: width, output: width, stride: 2, padding: 1 };
    const first = made.convolution(`class${k}.0`, half), second = made.convolution(`class${k}.1`, half);
    const last = made.convolution(`class${k}.2`, { side: 1, input: width, output: 1 });
    return (x: tf.Tensor4D) => last(leakyRelu(second(leakyRelu(first(x)))));
  });
  return {
    params: made.params,
    judge(features, masks) {
      const common = leakyRelu(shared(features));
      const own = tf.split(masks, branches.length, 3);
      return tf.concat(branches.map((branch, k) => branch(tf.mul(common, own[k]!))), 3);
    },
  };
}
