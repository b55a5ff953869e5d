/**
 * The step of gradient descent in the variables' own memory, in one pass, and the look at all gradients before
 * it. A clone of a weight (in a checkpoint, say) shares that memory and must not change with it, so a variable
 * that has one takes the portable way.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { SgdCall } from "../../ops/kernel_types.ts";
import { portableSgdStep } from "../../ops/sgd_step.ts";
import { address, isShared, zeroTensor } from "./heap.ts";
import { step } from "./running.ts";
import { simd } from "./simd.ts";

/** See {@linkcode Kernels.sgdStep}. */
export function heapSgdStep(call: SgdCall): void {
  const { value, gradient, buffer, rate, momentum, decay } = call;
  if (isShared(value) || (buffer && isShared(buffer))) return portableSgdStep(call);
  const places = [address(value), address(gradient), buffer ? address(buffer) : 0];
  simd("sgdStep", ...places, value.size, rate, momentum, decay);
}

/** See {@linkcode Kernels.finite}. One gradient at a time is in the heap: all of them may not fit. */
export function heapFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  const sum = zeroTensor([]) as tf.Scalar;
  for (const tensor of tensors) {
    step("addSum", () => simd("addSum", address(tensor), tensor.size, address(sum)));
  }
  return sum;
}
