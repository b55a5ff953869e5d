import * as tf from "@tensorflow/tfjs-core";
import { conv2dTranspose } from "../ops/conv2d_transpose.ts";
import { gelu } from "../ops/gelu.ts";
import { convolutionLayer } from "../ops/layers/convolution.ts";
import { layerNormLayer } from "../ops/layers/layer_norm.ts";
import type { Layers } from "../ops/layers/scope.ts";
import { defaultDeviation } from "./vision_transformer.ts";

/** A head: from features to a finer map, and from that to logits. */
export interface LightHead {
  /** float32 [N, h, w, C] to [N, 4h, 4w, C / 4]. */
  decode(features: tf.Tensor4D): tf.Tensor4D;
  /** float32 [N, 4h, 4w, C / 4] to logits [N, 4h, 4w, classes]. */
  classify(decoded: tf.Tensor4D): tf.Tensor4D;
}

/** The sizes of {@linkcode lightHead}. */
export interface LightHeadShape {
  /** Channels of the features, a multiple of 4. */
  readonly width: number;
  readonly classes: number;
  /** Added to the variance by its norms. */
  readonly epsilon: number;
}

/**
 * VFM-UDA's head (Englert et al. 2024): two transposed convolutions 2x2 that double the size and halve the
 * channels, with a GELU between them, a 3x3 convolution and a 1x1 classifier. A norm over channels follows
 * each but the classifier, and no convolution adds a bias.
 */
export function lightHead(layers: Layers, { width, classes, epsilon }: LightHeadShape): LightHead {
  const half = width / 2, quarter = width / 4;
  // PyTorch counts the outputs of a transposed convolution as the inputs of its default deviation.
  const doubled = (name: string, input: number, output: number) => {
    const filter = layers.normalFilter(`${name}.weight`, [2, 2, output, input], defaultDeviation(4 * output));
    return (x: tf.Tensor4D) => conv2dTranspose(x, filter, { stride: 2 });
  };
  const norm = (name: string, channels: number) => layerNormLayer(layers, [name, channels], epsilon);
  const first = doubled("upscale.0", width, half), firstNorm = norm("upscale.1", half);
  const second = doubled("upscale.3", half, quarter), secondNorm = norm("upscale.4", quarter);
  const third = convolutionLayer(layers, ["upscale.5", 3, quarter, quarter], {
    padding: 1,
    bias: false,
    deviation: defaultDeviation(9 * quarter),
  });
  const thirdNorm = norm("upscale.6", quarter);
  const classify = convolutionLayer(layers, ["out", 1, quarter, classes], { bias: false, deviation: 0.1 });
  return {
    decode: (x) => tf.tidy(() => thirdNorm(third(secondNorm(second(gelu(firstNorm(first(x)))))))),
    classify,
  };
}
