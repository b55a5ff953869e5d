/**
 * What WebGPU computes in its own way. Two reasons: tfjs lacks the kernel (gradients of dilated convolutions,
 * sorting), or the portable kernel reads values on the host, which would make the host wait for the device in
 * the middle of a step.
 */
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-webgpu";
import type { Kernels } from "../../ops/kernel_types.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { useEngine } from "../engine.ts";
import { fusedBatchNorm, fusedBatchNormGradient } from "./batch_norm.ts";
import { type DeviceBackend, makeBackend, type Offers } from "./device.ts";
import { filterGradient } from "./filter_gradient.ts";
import { halves } from "./halves.ts";
import { inputGradient } from "./input_gradient.ts";
import { radixLovasz } from "./lovasz.ts";
import { maxPool, maxPoolGradient } from "./max_pool.ts";
import { rowKernels } from "./rows.ts";
import { sgdInPlace } from "./sgd.ts";
import { allFinite, runningInPlace } from "./update.ts";

/** Among the backends of tfjs, as tfjs has it; nothing asks for the best one. */
const PRIORITY = 3;

/**
 * The kernels that replace the portable ones. @param offers of the device; absent: of the current one @param
 * half whether maps are kept in 16 bits
 */
export function webgpuKernels(
  offers: Offers = tf.backend() as DeviceBackend,
  half = false,
): Partial<Kernels> {
  return {
    conv2dInputGradient: inputGradient(offers.bindingBytes),
    conv2dFilterGradient: filterGradient(offers.bindingBytes),
    batchNorm: fusedBatchNorm,
    batchNormGradient: fusedBatchNormGradient,
    sgdStep: sgdInPlace,
    runningStep: runningInPlace,
    finite: allFinite,
    lovasz: radixLovasz(offers.bindingBytes),
    maxPool,
    maxPoolGradient,
    deviceRows: rowKernels(offers),
    shrinking: half ? halves : undefined,
  };
}

/**
 * Makes the backend `webgpu` current, on a device of ours. @param half whether maps are kept in 16 bits
 * @throws Error when it does not start
 */
export async function startWebgpu(half: boolean): Promise<void> {
  const factory: unknown = tf.findBackendFactory("webgpu");
  if (factory !== makeBackend) {
    if (factory) tf.removeBackend("webgpu");
    tf.registerBackend("webgpu", makeBackend, PRIORITY);
  }
  await useEngine("webgpu");
  replaceKernels("webgpu", webgpuKernels(tf.backend() as DeviceBackend, half));
}
