/**
 * The port between operators and backends: the heavy kernels that a backend may compute in a way of its own,
 * and what they are called with. Operators (conv2d.ts, batch_norm.ts, ...) hold what is the same everywhere:
 * checks, what is kept for the gradient, what an empty input gives. Kernels only compute. They run inside of
 * their operator, where nothing is recorded and where tensors that are not returned are freed; they may use
 * tfjs operators, native code or shaders. tests/goldens holds them to recorded values on every backend.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Update } from "../core/plugin.ts";
import type { DeviceRowKernels } from "./association/device/row_kernels.ts";
import type { RowKernels } from "./association/streaming/row_kernels.ts";

/**
 * The steps of a convolution's window. In pixels; `padding` zeros on all four sides; `dilation` from one tap
 * of the filter to the next.
 */
export interface Window {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** A square pooling window, in pixels. Padding counts as -Infinity. */
export interface PoolWindow {
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

/** Everything a backend can speed up. Tensors are NHWC, filters HWIO, all float32. */
export interface Kernels {
  /** Cross-correlation, [N, H, W, I] with a filter [h, w, I, O]. */
  conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, window: Window): tf.Tensor4D;
  /** The gradient with respect to `x`, of shape `xShape`. */
  conv2dInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, xShape: Shape4D, window: Window): tf.Tensor4D;
  /** The gradient with respect to the filter, of shape `filterShape`. */
  conv2dFilterGradient(dy: tf.Tensor4D, x: tf.Tensor4D, filterShape: Shape4D, window: Window): tf.Tensor4D;
  /** The largest pixel of every window, channel by channel. @param out the output's height and width */
  maxPool(x: tf.Tensor4D, window: PoolWindow, out: readonly [number, number]): tf.Tensor4D;
  /**
   * The gradient with respect to `x`, given the output `y`; the first maximum of a window takes all of it.
   */
  maxPoolGradient(dy: tf.Tensor4D, x: tf.Tensor4D, y: tf.Tensor4D, window: PoolWindow): tf.Tensor4D;
  /** Bilinear, with half-pixel centres. @param size [height, width] */
  resizeBilinear(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D;
  /** The gradient with respect to `x`, of shape `xShape`. */
  resizeBilinearGradient(dy: tf.Tensor4D, xShape: Shape4D): tf.Tensor4D;
  /** Batch normalisation, and the residual and ReLU that follow it. */
  batchNorm(call: NormCall): NormResult;
  /** Its gradients. @param dy with respect to the result */
  batchNormGradient(dy: tf.Tensor4D, call: NormGradientCall): NormGradient;
  /**
   * y = x + bias, then the larger of y and `leak` y; a leak of 1 is none. `x` is consumed: its memory may
   * become the result's. @param bias [C]
   */
  leakyRelu(x: tf.Tensor4D, bias: tf.Tensor1D | undefined, leak: number): tf.Tensor4D;
  /** Its gradient with respect to `x`, given its result `y`: dy, times `leak` where y is below 0. */
  leakyReluGradient(dy: tf.Tensor4D, y: tf.Tensor4D, leak: number): tf.Tensor4D;
  /** g += decay p; buffer = momentum buffer + g; p -= rate buffer. */
  sgdStep(call: SgdCall): void;
  /** variable = keep variable + factor add, for one change after the other. */
  runningStep(call: RunningCall): void;
  /** A scalar that is finite only if every number of the tensors, all float32, is; no tensors: finite. */
  finite(tensors: readonly tf.Tensor[]): tf.Scalar;
  /**
   * The Lovasz-Softmax loss with its gradient, computed together because both follow from one sort.
   * @param probabilities [P, K] @param labels int32 [P]; ids outside 0 .. K - 1 are ignored
   */
  lovasz(probabilities: tf.Tensor2D, labels: tf.Tensor1D): LovaszResult;
  /** x weight + bias. @param x [R, I] @param weight [I, O] @param bias [O] */
  linear(x: tf.Tensor2D, weight: tf.Tensor2D, bias: tf.Tensor1D | undefined): tf.Tensor2D;
  /** The sums of columns, [R, C] to [C]. */
  columnSums(x: tf.Tensor2D): tf.Tensor1D;
  /** Normalises every row. */
  layerNorm(call: LayerNormCall): LayerNormResult;
  /** Its gradients. @param dy with respect to the result */
  layerNormGradient(dy: tf.Tensor2D, call: LayerNormGradientCall): LayerNormGradient;
  /** x times the probability that a standard normal number is below x. */
  gelu(x: tf.Tensor): tf.Tensor;
  /** Its gradient with respect to `x`. */
  geluGradient(dy: tf.Tensor, x: tf.Tensor): tf.Tensor;
  /** Every channel with a filter of its own. @param filter [h, w, C, 1] @param bias [C] */
  depthwiseConv2d(
    x: tf.Tensor4D,
    filter: tf.Tensor4D,
    window: Window,
    bias: tf.Tensor1D | undefined,
  ): tf.Tensor4D;
  /** The gradient with respect to `x`, of shape `xShape`. */
  depthwiseInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, xShape: Shape4D, window: Window): tf.Tensor4D;
  /** The gradient with respect to the filter, of shape `filterShape`. */
  depthwiseFilterGradient(dy: tf.Tensor4D, x: tf.Tensor4D, filterShape: Shape4D, window: Window): tf.Tensor4D;
  /** softmax(query key^T d^-0.5) value for every head; see ops/attention.ts. */
  attention(call: AttentionCall): tf.Tensor3D;
  /** Its gradients. @param dy with respect to the result */
  attentionGradient(dy: tf.Tensor3D, call: AttentionCall): AttentionGradient;
  /** The association's kernels where tensors can be read within a step (ops/association/streaming). */
  readonly rows: RowKernels;
  /** The same where they are not read (ops/association/device). If these are given, `rows` is not used. */
  readonly deviceRows: DeviceRowKernels | undefined;
  /** How maps are kept for the gradient in fewer bits; undefined where they are kept as they are. */
  readonly shrinking: Shrinking | undefined;
  /**
   * Whether the aggregation forms the similarities of all pixels at once, by plain operators, instead of by
   * either of these: for recording a network into a graph, which has no loop over blocks.
   */
  readonly dense: boolean;
}

/** Smaller copies of tensors. */
export interface Shrinking {
  /** Numbers of a tensor below which a copy is not worth it. */
  readonly least: number;
  /** A small copy. @param x float32 */
  shrink(x: tf.Tensor): tf.Tensor;
  /** What it was a copy of, up to rounding. */
  restore(small: tf.Tensor, shape: readonly number[]): tf.Tensor;
}

/** The mean and variance that a part of a batch was normalised with. */
export interface BatchStatistics {
  /** float32 [C] */
  readonly mean: tf.Tensor1D;
  /** float32 [C], biased (divided by the count) */
  readonly variance: tf.Tensor1D;
}

/**
 * Numbers of a batch of which other processes have equal parts. An exchange is begun and then asked for its
 * result, so that what needs no other process is computed while it is on its way; results are asked for in the
 * order of their beginnings.
 */
export interface SharedNorm {
  /** Begins to make the statistics of all processes from this one's own. */
  statistics(own: BatchStatistics): () => BatchStatistics;
  /** Begins to take the means over all processes. */
  means(own: Float64Array): () => Float64Array;
}

/** y = gamma (x - mean) / sqrt(variance + epsilon) + beta + residual, then its positive part if `relu`. */
export interface NormCall {
  /** float32 [N, H, W, C] */
  readonly x: tf.Tensor4D;
  /** float32 [C] */
  readonly gamma: tf.Tensor1D;
  /** float32 [C] */
  readonly beta: tf.Tensor1D;
  /** Like `x`. */
  readonly residual?: tf.Tensor4D;
  readonly relu: boolean;
  readonly epsilon: number;
  /** Images of each part of the batch that has statistics of its own; they add up to N. */
  readonly parts: readonly number[];
  /** Statistics to use instead of the parts' own. */
  readonly given?: BatchStatistics;
  /** Where parts go on in other processes; absent: they do not. */
  readonly shared?: SharedNorm | undefined;
}

/** The results of {@linkcode Kernels.batchNorm}: the statistics that were used, by part, among them. */
export interface NormResult {
  readonly y: tf.Tensor4D;
  readonly statistics: readonly BatchStatistics[];
}

/** The arguments of {@linkcode Kernels.batchNormGradient}: those of the forward call, and its results. */
export interface NormGradientCall {
  readonly x: tf.Tensor4D;
  /** The result, if `relu` was set: dy counts only where it is positive. */
  readonly y?: tf.Tensor4D;
  readonly gamma: tf.Tensor1D;
  readonly epsilon: number;
  readonly parts: readonly number[];
  readonly statistics: readonly BatchStatistics[];
  /** Whether the statistics were given and so are constants. */
  readonly given: boolean;
  /** Whether the residual's gradient is wanted. */
  readonly residual: boolean;
  /** As in the call; without it statistics are of this batch alone. */
  readonly shared?: SharedNorm | undefined;
}

/** Gradients by argument. */
export interface NormGradient {
  readonly dx: tf.Tensor4D;
  readonly dGamma: tf.Tensor1D;
  readonly dBeta: tf.Tensor1D;
  readonly dResidual?: tf.Tensor4D;
}

/** A step of stochastic gradient descent for one variable. */
export interface SgdCall {
  readonly value: tf.Variable;
  readonly gradient: tf.Tensor;
  /** Absent without momentum. */
  readonly buffer?: tf.Variable;
  readonly rate: number;
  readonly momentum: number;
  readonly decay: number;
}

/** The changes of one running statistic in a step. */
export interface RunningCall {
  readonly variable: tf.Variable;
  /** At least one, in their order. */
  readonly changes: readonly Pick<Update, "keep" | "add" | "factor">[];
}

/** The Lovasz-Softmax loss and its slope. */
export interface LovaszResult {
  readonly loss: tf.Scalar;
  /** With respect to the probabilities, [P, K]. */
  readonly gradient: tf.Tensor2D;
}

/** y = scale (x - mean) / sqrt(variance + epsilon) + offset, of every row. */
export interface LayerNormCall {
  /** float32 [R, C] */
  readonly x: tf.Tensor2D;
  /** float32 [C] */
  readonly scale: tf.Tensor1D;
  /** float32 [C] */
  readonly offset: tf.Tensor1D;
  readonly epsilon: number;
}

/** What {@linkcode Kernels.layerNorm} gives. */
export interface LayerNormResult {
  readonly y: tf.Tensor2D;
  /** float32 [R] */
  readonly mean: tf.Tensor1D;
  /** float32 [R]: 1 / sqrt(variance + epsilon), the variance being biased (divided by C) */
  readonly inverse: tf.Tensor1D;
}

/** The arguments of {@linkcode Kernels.layerNormGradient}; mean and inverse are the forward pass's. */
export interface LayerNormGradientCall {
  readonly x: tf.Tensor2D;
  readonly scale: tf.Tensor1D;
  readonly mean: tf.Tensor1D;
  readonly inverse: tf.Tensor1D;
}

/** Gradients by argument. */
export interface LayerNormGradient {
  readonly dx: tf.Tensor2D;
  readonly dScale: tf.Tensor1D;
  readonly dOffset: tf.Tensor1D;
}

/**
 * What attends to what: T queries to S keys. Head h has the channels h d to (h + 1) d - 1, where d = C /
 * heads.
 */
export interface AttentionCall {
  /** float32 [N, T, C] */
  readonly query: tf.Tensor3D;
  /** float32 [N, S, C] */
  readonly key: tf.Tensor3D;
  /** float32 [N, S, C] */
  readonly value: tf.Tensor3D;
  readonly heads: number;
}

/** Gradients by argument. */
export interface AttentionGradient {
  readonly dQuery: tf.Tensor3D;
  readonly dKey: tf.Tensor3D;
  readonly dValue: tf.Tensor3D;
}

/** The four sides of a rank-4 tensor. */
export type Shape4D = [number, number, number, number];
