/** What TensorFlow computes in its own way; for each operator the faster of its own and ours, as bench/ measures them. */
import type { Kernels } from "../ops/kernels.ts";
import { fusedBatchNorm, fusedBatchNormGradient } from "./batch_norm.ts";
import { convolve, filterGradient, inputGradient } from "./convolutions.ts";
import { pool, poolGradient } from "./max_pool.ts";
import { nodeBackend } from "./operator.ts";
import { tensorflowRows } from "./rows.ts";

/** The replacements for backends/ops/kernels.ts. */
export function tensorflowKernels(): Partial<Kernels> {
  return {
    conv2d: convolve,
    conv2dInputGradient: inputGradient,
    conv2dFilterGradient: filterGradient,
    maxPool: pool,
    maxPoolGradient: poolGradient,
    // On a GPU what the fused gradient asks of the forward pass depends on the device's library.
    ...(nodeBackend().isUsingGpuDevice
      ? {}
      : { batchNorm: fusedBatchNorm, batchNormGradient: fusedBatchNormGradient }),
    deviceRows: tensorflowRows,
  };
}
