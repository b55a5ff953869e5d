/**
 * The heavy kernels under the operators. A backend may replace any of them; what it leaves out is the
 * portable version, composed of tfjs operators that are right on every backend.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "./kernel_types.ts";
import { portable } from "./portable.ts";

const byBackend = new Map<string, Kernels>();

/** Replaces kernels on one backend; called when a backend starts. */
export function replaceKernels(backend: string, replacements: Partial<Kernels>): void {
  byBackend.set(backend, { ...portable, ...replacements });
}

/** The kernels of the current backend. */
export function kernels(): Kernels {
  return byBackend.get(tf.getBackend()) ?? portable;
}
