/**
 * What TensorFlow computes in its own way: for each operator the faster of its own and ours, as bench/
 * measured them.
 */
import type { Kernels } from "../../ops/kernel_types.ts";
import { fusedBatchNorm, fusedBatchNormGradient } from "./batch_norm.ts";
import { convolve, filterGradient, inputGradient } from "./convolutions.ts";
import { pool, poolGradient } from "./max_pool.ts";
import { nodeBackend } from "./operator.ts";
import { resize, resizeGradient } from "./resize.ts";
import { tensorflowRows } from "./rows.ts";

/** The kernels that replace the portable ones, for the device that TensorFlow computes on. */
export function tensorflowKernels(): Partial<Kernels> {
  return {
    conv2d: convolve,
    conv2dInputGradient: inputGradient,
    conv2dFilterGradient: filterGradient,
    maxPool: pool,
    resizeBilinear: resize,
    resizeBilinearGradient: resizeGradient,
    deviceRows: tensorflowRows,
    ...nodeBackend().isUsingGpuDevice ? ON_GPU : ON_PROCESSOR,
  };
}

/**
 * Kernels for a GPU, where nothing may be read within a step. The portable batch norm is used: what the fused
 * one keeps for its gradient depends on the device.
 */
const ON_GPU: Partial<Kernels> = { maxPoolGradient: poolGradient };

/** Kernels for the processor. */
const ON_PROCESSOR: Partial<Kernels> = {
  batchNorm: fusedBatchNorm,
  batchNormGradient: fusedBatchNormGradient,
};
