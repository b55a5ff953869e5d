import type { SgdCall } from "../../ops/kernel_types.ts";
import { portableSgdStep } from "../../ops/sgd_step.ts";
import { address, isShared } from "./heap.ts";
import { simd } from "./simd.ts";

/** See {@linkcode Kernels.sgdStep}: in the variables' own memory, in one pass. */
export function heapSgdStep(call: SgdCall): void {
  const { value, gradient, buffer, rate, momentum, decay } = call;
  // A clone of a weight (in a checkpoint, say) shares its memory, and must not change with it.
  if (isShared(value) || (buffer && isShared(buffer))) return portableSgdStep(call);
  const places = [address(value), address(gradient), buffer ? address(buffer) : 0];
  simd("sgdStep", ...places, value.size, rate, momentum, decay);
}
