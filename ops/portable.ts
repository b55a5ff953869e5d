/**
 * The kernels for every backend, composed of tfjs operators: slow, and right everywhere. They define what the
 * kernels of backends have to compute.
 *
 * A convolution's gradients are convolutions too. That of the input is the output's gradient, spread by the
 * stride and padded, under the filter turned by 180 degrees with its channels exchanged. That of the filter
 * is, for each tap, a product of the pixels that the tap sees with the output's gradient.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels, Window } from "./kernel_types.ts";
import { portableLeakyRelu, portableLeakyReluGradient } from "./leaky_relu.ts";
import { sortedLovasz } from "./lovasz_sort.ts";
import { scannedMaxPool, scannedMaxPoolGradient } from "./max_pool_scan.ts";
import { portableBatchNorm, portableBatchNormGradient } from "./portable_batch_norm.ts";
import { resizeByProducts, resizeGradientByProducts } from "./resize_products.ts";
import { portableFinite } from "./finite.ts";
import { portableRunningStep } from "./running_step.ts";
import { portableSgdStep } from "./sgd_step.ts";
import { portableAttention, portableAttentionGradient } from "./portable_attention.ts";
import {
  portableDepthwise,
  portableDepthwiseFilterGradient,
  portableDepthwiseInputGradient,
} from "./portable_depthwise.ts";
import {
  portableColumnSums,
  portableGelu,
  portableGeluGradient,
  portableLayerNorm,
  portableLayerNormGradient,
  portableLinear,
} from "./portable_tokens.ts";
import { portableRows } from "./association/streaming/portable_rows.ts";
import { padded, slopeImage, tapPixels } from "./taps.ts";

function conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, { stride, padding, dilation }: Window): tf.Tensor4D {
  return tf.conv2d(x, filter, stride, padding, "NHWC", dilation);
}

const conv2dInputGradient: Kernels["conv2dInputGradient"] = (dy, filter, xShape, window) =>
  tf.tidy(() => {
    const [height, width] = filter.shape;
    const image = slopeImage(dy, [height, width], xShape, window);
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
    return tf.conv2d(image, turned, 1, 0, "NHWC", window.dilation);
  });

const conv2dFilterGradient: Kernels["conv2dFilterGradient"] = (dy, x, filterShape, window) =>
  tf.tidy(() => {
    const { stride, padding, dilation } = window;
    const [height, width, input, output] = filterShape;
    const [n, h, w] = dy.shape;
    const image = padded(x, padding);
    const flat = tf.reshape(dy, [n * h * w, output]) as tf.Tensor2D;
    const taps: tf.Tensor2D[] = [];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        taps.push(tf.tidy(() => {
          const pixels = tapPixels(image, [row * dilation, column * dilation], [h, w], stride);
          return tf.matMul(tf.reshape(pixels, [n * h * w, input]) as tf.Tensor2D, flat, true, false);
        }));
      }
    }
    return tf.reshape(tf.stack(taps), filterShape) as tf.Tensor4D;
  });

/** Kernels for every backend. */
export const portable: Kernels = {
  conv2d,
  conv2dInputGradient,
  conv2dFilterGradient,
  maxPool: scannedMaxPool,
  maxPoolGradient: scannedMaxPoolGradient,
  resizeBilinear: resizeByProducts,
  resizeBilinearGradient: resizeGradientByProducts,
  batchNorm: portableBatchNorm,
  batchNormGradient: portableBatchNormGradient,
  leakyRelu: portableLeakyRelu,
  leakyReluGradient: portableLeakyReluGradient,
  sgdStep: portableSgdStep,
  runningStep: portableRunningStep,
  finite: portableFinite,
  lovasz: sortedLovasz,
  linear: portableLinear,
  columnSums: portableColumnSums,
  layerNorm: portableLayerNorm,
  layerNormGradient: portableLayerNormGradient,
  gelu: portableGelu,
  geluGradient: portableGeluGradient,
  depthwiseConv2d: portableDepthwise,
  depthwiseInputGradient: portableDepthwiseInputGradient,
  depthwiseFilterGradient: portableDepthwiseFilterGradient,
  attention: portableAttention,
  attentionGradient: portableAttentionGradient,
  rows: portableRows,
  deviceRows: undefined,
  shrinking: undefined,
  dense: false,
};
