import type { Kernels } from "../../ops/kernel_types.ts";
import { heapBatchNorm, heapBatchNormGradient } from "./batch_norm.ts";
import { heapConvolutions } from "./convolutions.ts";
import { heapMaxPool, heapMaxPoolGradient } from "./max_pool.ts";
import { type AttentionParts, heapAttention } from "./attention.ts";
import { heapDepthwise } from "./depthwise.ts";
import type { Products } from "./products.ts";
import { heapRows } from "./rows.ts";
import { heapLeakyRelu } from "./leaky_relu.ts";
import { heapFinite, heapSgdStep } from "./updates.ts";
import { heapTokens } from "./tokens.ts";

/**
 * All kernels that work in the WASM heap. `wasm` and `native` share them and differ in the arguments.
 * @param softmax of attention's scores
 */
export function heapKernels(products: Products, softmax: AttentionParts["softmax"]): Partial<Kernels> {
  const { multiply, planes } = products;
  return {
    ...heapConvolutions(products),
    maxPool: heapMaxPool,
    maxPoolGradient: heapMaxPoolGradient,
    batchNorm: heapBatchNorm,
    batchNormGradient: heapBatchNormGradient,
    ...heapLeakyRelu,
    sgdStep: heapSgdStep,
    finite: heapFinite,
    ...heapTokens(multiply),
    ...heapDepthwise,
    ...heapAttention({ multiply: planes, softmax }),
    rows: heapRows(multiply),
  };
}
