/**
 * The kernels of the current backend. Think of a table by backend: at its start a backend replaces the
 * kernels that it computes better, and whatever it leaves out is the portable version, composed of tfjs
 * operators that are right on every backend. The table is the one piece of state here; it follows tfjs, whose
 * current backend is global too.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "./kernel_types.ts";
import { portable } from "./portable.ts";

const byBackend = new Map<string, Kernels>();

/**
 * Replaces kernels on one backend; called when a backend starts. A second call for a backend begins from the
 * portable kernels again.
 */
export function replaceKernels(backend: string, replacements: Partial<Kernels>): void {
  byBackend.set(backend, { ...portable, ...replacements });
}

/** The kernels of the current backend; the portable ones if it replaced none. */
export function kernels(): Kernels {
  return byBackend.get(tf.getBackend()) ?? portable;
}
