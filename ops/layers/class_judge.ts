/**
 * The opponent of SSF-DAN (after Du et al. 2019). One opponent for all classes could be content with aligning
 * the road, which fills most of an image. Here each class has a branch of its own, which sees nothing but the
 * features at the pixels of that class.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Param, Setup } from "../../core/plugin.ts";
import { Companion } from "./companion.ts";

/** An opponent with a branch for each class, with its parameters. */
export interface ClassJudge {
  readonly params: readonly Param[];
  /**
   * @param features float32 [N, h, w, input] @param masks float32 [N, h, w, K], 1 where a pixel is of the
   * class @returns scores float32 [N, ceil(h / 4), ceil(w / 4), K]
   */
  judge(features: tf.Tensor4D, masks: tf.Tensor4D): tf.Tensor4D;
}

/** The channels of {@linkcode classJudge}. */
export interface ClassJudgeOptions {
  /** Channels of the features. */
  readonly input: number;
  /** Channels inside. */
  readonly width: number;
}

/**
 * Builds it: a 1x1 convolution that all classes share; its result, masked to a class, goes through the
 * class's own two 3x3 convolutions of stride 2 and a 1x1 one, with leaky ReLUs of 0.2 between them.
 */
export function classJudge(setup: Setup, { input, width }: ClassJudgeOptions): ClassJudge {
  const layers = new Companion(setup);
  const shared = layers.convolution("shared", { side: 1, input, output: width, leaky: true });
  const branches = Array.from({ length: setup.numClasses }, (_, k) => {
    const half = { side: 3, input: width, output: width, stride: 2, padding: 1, leaky: true };
    const first = layers.convolution(`class${k}.0`, half), second = layers.convolution(`class${k}.1`, half);
    const last = layers.convolution(`class${k}.2`, { side: 1, input: width, output: 1 });
    return (x: tf.Tensor4D) => last(second(first(x)));
  });
  return {
    params: layers.params,
    judge(features, masks) {
      const common = shared(features);
      const ofClasses = tf.split(masks, branches.length, 3);
      return tf.concat(branches.map((branch, k) => branch(tf.mul(common, ofClasses[k]!))), 3);
    },
  };
}
