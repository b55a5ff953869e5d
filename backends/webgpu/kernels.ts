/**
 * What WebGPU computes in its own way. Two reasons: tfjs lacks the kernel (gradients of dilated convolutions,
 * sorting), or the portable kernel reads values on the host, which would make the host wait for the device in
 * the middle of a step.
 */
import "@tensorflow/tfjs-backend-webgpu";
import type { Kernels } from "../../ops/kernel_types.ts";
import { replaceKernels } from "../../ops/kernels.ts";
import { useEngine } from "../engine.ts";
import { fusedBatchNorm, fusedBatchNormGradient } from "./batch_norm.ts";
import { filterGradient } from "./filter_gradient.ts";
import { inputGradient } from "./input_gradient.ts";
import { radixLovasz } from "./lovasz.ts";
import { maxPool, maxPoolGradient } from "./max_pool.ts";
import { webgpuRows } from "./rows.ts";
import { sgdInPlace } from "./sgd.ts";
import { allFinite, runningInPlace } from "./update.ts";

/** The kernels that replace the portable ones. */
export function webgpuKernels(): Partial<Kernels> {
  return {
    conv2dInputGradient: inputGradient,
    conv2dFilterGradient: filterGradient,
    batchNorm: fusedBatchNorm,
    batchNormGradient: fusedBatchNormGradient,
    sgdStep: sgdInPlace,
    runningStep: runningInPlace,
    finite: allFinite,
    lovasz: radixLovasz,
    maxPool,
    maxPoolGradient,
    deviceRows: webgpuRows,
  };
}

/** Makes the backend `webgpu` current. @throws Error when it does not start */
export async function startWebgpu(): Promise<void> {
  replaceKernels("webgpu", webgpuKernels());
  await useEngine("webgpu");
}
