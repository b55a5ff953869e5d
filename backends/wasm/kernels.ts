import type { Kernels } from "../../ops/kernel_types.ts";
import { heapBatchNorm, heapBatchNormGradient } from "./batch_norm.ts";
import { heapConvolutions } from "./convolutions.ts";
import { heapMaxPool, heapMaxPoolGradient } from "./max_pool.ts";
import { type AttentionParts, heapAttention } from "./attention.ts";
import { heapDepthwise } from "./depthwise.ts";
import { type Multiply, multiplyAtOnce } from "./products.ts";
import { heapRows } from "./rows.ts";
import { heapLeakyRelu } from "./leaky_relu.ts";
import { heapFinite, heapSgdStep } from "./updates.ts";
import { heapTokens } from "./tokens.ts";

/**
 * All kernels that work in the WASM heap. `wasm` and `native` share them and differ in the arguments.
 * @param multiply matrix products
 * @param parts of attention
 * @param later products whose results are not read soon
 */
export function heapKernels(
  multiply: Multiply,
  parts: AttentionParts,
  later = multiplyAtOnce(multiply),
): Partial<Kernels> {
  return {
    ...heapConvolutions(multiply, later),
    maxPool: heapMaxPool,
    maxPoolGradient: heapMaxPoolGradient,
    batchNorm: heapBatchNorm,
    batchNormGradient: heapBatchNormGradient,
    ...heapLeakyRelu,
    sgdStep: heapSgdStep,
    finite: heapFinite,
    ...heapTokens(multiply),
    ...heapDepthwise,
    ...heapAttention(parts),
    rows: heapRows(multiply),
  };
}
