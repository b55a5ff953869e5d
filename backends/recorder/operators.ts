/**
 * The kernels of `ops/` on the recorder: each call is one step under the kernel's own name, so that export/
 * can choose the ONNX operators for a whole convolution, batch norm or attention, and not for the slices and
 * sums that a portable kernel is made of.
 */
import * as tf from "@tensorflow/tfjs-core";
import { UserError } from "../../core/errors.ts";
import type { Kernels } from "../../ops/kernel_types.ts";
import { outputSide } from "../../ops/taps.ts";
import type { Recorder } from "./backend.ts";
import { RECORDER } from "./kernels.ts";
import type { Attribute } from "./recording.ts";

/** Writes down one call with one float32 output of the given shape. */
function step<T extends tf.Tensor>(
  op: string,
  inputs: readonly tf.Tensor[],
  { shape, ...attributes }: Readonly<Record<string, Attribute>> & { readonly shape: readonly number[] },
): T {
  const recorder = tf.findBackend(RECORDER) as Recorder;
  const [made] = recorder.add(
    { op, inputs: inputs.map((one) => recorder.recorded(one)), attributes },
    [{ shape, dtype: "float32" }],
  );
  return tf.engine().makeTensorFromTensorInfo(made!) as T;
}

/** A kernel that only training needs; calling it is an error that names it. */
function notRecorded(name: string) {
  return (): never => {
    throw new UserError(`the operator ${name} of ops/ cannot be exported: only training needs it`);
  };
}

/**
 * The kernels that inference needs, each as a step; `lovasz` and `sgdStep`, which only training needs, are
 * errors that name themselves.
 */
export const recordingKernels: Partial<Kernels> = {
  dense: true,
  conv2d(x, filter, { stride, padding, dilation }) {
    const window = { stride, padding, dilation };
    const [n, h, w] = x.shape, [tall, wide, , channels] = filter.shape;
    const shape = [n, outputSide(h, tall, window), outputSide(w, wide, window), channels];
    return step("conv2d", [x, filter], { ...window, shape });
  },
  conv2dInputGradient(dy, filter, shape, { stride, padding, dilation }) {
    return step("conv2dTranspose", [dy, filter], { stride, padding, dilation, shape });
  },
  depthwiseConv2d(x, filter, { stride, padding, dilation }, bias) {
    const window = { stride, padding, dilation };
    const [n, h, w, channels] = x.shape, [tall, wide] = filter.shape;
    const shape = [n, outputSide(h, tall, window), outputSide(w, wide, window), channels];
    return step("depthwiseConv2d", [x, filter, ...(bias ? [bias] : [])], { ...window, shape });
  },
  maxPool(x, { size, stride, padding }, out) {
    const [n, , , channels] = x.shape;
    return step("maxPool", [x], { size, stride, padding, shape: [n, ...out, channels] });
  },
  resizeBilinear(x, [height, width]) {
    return step("resizeBilinear", [x], { shape: [x.shape[0], height, width, x.shape[3]] });
  },
  batchNorm({ x, gamma, beta, residual, relu, epsilon, given }) {
    if (given === undefined) {
      throw new UserError("the operator batchNorm of ops/ cannot be exported with a batch's own statistics");
    }
    const inputs = [x, gamma, beta, given.mean, given.variance, ...(residual ? [residual] : [])];
    return { y: step("batchNorm", inputs, { relu, epsilon, shape: x.shape }), statistics: [] };
  },
  linear(x, weight, bias) {
    const shape = [x.shape[0], weight.shape[1]];
    return step("linear", [x, weight, ...(bias ? [bias] : [])], { shape });
  },
  layerNorm({ x, scale, offset, epsilon }) {
    const y = step<tf.Tensor2D>("layerNorm", [x, scale, offset], { epsilon, shape: x.shape });
    // Only the gradient reads these.
    const none = tf.zeros([x.shape[0]]) as tf.Tensor1D;
    return { y, mean: none, inverse: none };
  },
  gelu: (x) => step("gelu", [x], { shape: x.shape }),
  attention({ query, key, value, heads }) {
    return step("attention", [query, key, value], { heads, shape: query.shape });
  },
  lovasz: notRecorded("lovasz"),
  leakyReluGradient: notRecorded("leakyReluGradient"),
  sgdStep: notRecorded("sgdStep"),
};
