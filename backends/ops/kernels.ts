/**
 * The heavy kernels under the operators. A backend may replace any of them; what it leaves out is the portable
 * version, composed of tfjs operators that are right on every backend.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { DeviceRowKernels } from "./device_streaming/row_kernels.ts";
import { portable } from "./portable.ts";
import type { RowKernels } from "./streaming/row_kernels.ts";

/** Where a convolution window lies. Pixels; `padding` on all four sides. */
export interface Window {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

/** A square pooling window, in pixels. */
export interface PoolWindow {
  readonly size: number;
  readonly stride: number;
  readonly padding: number;
}

/** Everything a backend can speed up. Tensors are NHWC, filters HWIO, all float32. */
export interface Kernels {
  conv2d(x: tf.Tensor4D, filter: tf.Tensor4D, window: Window): tf.Tensor4D;
  /** The gradient with respect to `x`, of shape `xShape`. */
  conv2dInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, xShape: Shape4D, window: Window): tf.Tensor4D;
  /** The gradient with respect to the filter, of shape `filterShape`. */
  conv2dFilterGradient(dy: tf.Tensor4D, x: tf.Tensor4D, filterShape: Shape4D, window: Window): tf.Tensor4D;
  /** @param out the output's height and width */
  maxPool(x: tf.Tensor4D, window: PoolWindow, out: readonly [number, number]): tf.Tensor4D;
  /** The gradient with respect to `x`, given the output `y`. */
  maxPoolGradient(dy: tf.Tensor4D, x: tf.Tensor4D, y: tf.Tensor4D, window: PoolWindow): tf.Tensor4D;
  /** @param probabilities [P, K] @param labels int32 [P]; ids outside 0 .. K - 1 are ignored */
  lovasz(probabilities: tf.Tensor2D, labels: tf.Tensor1D): LovaszResult;
  /** How similarities are compared in blocks of rows. */
  readonly rows: RowKernels;
  /** The same where tensors are not read within a step; where these are given, `rows` is not used. */
  readonly deviceRows: DeviceRowKernels | undefined;
}

/** The Lovasz-Softmax loss and its slope. */
export interface LovaszResult {
  readonly loss: tf.Scalar;
  /** With respect to the probabilities, [P, K]. */
  readonly gradient: tf.Tensor2D;
}

/** The four sides of a rank-4 tensor. */
export type Shape4D = [number, number, number, number];

const replacements = new Map<string, Partial<Kernels>>();

/** Replaces kernels on one backend; called by backends/select.ts only. */
export function replaceKernels(backend: string, kernels: Partial<Kernels>): void {
  replacements.set(backend, kernels);
}

/** The kernels of the current backend. */
export function kernels(): Kernels {
  return { ...portable, ...replacements.get(tf.getBackend()) };
}
