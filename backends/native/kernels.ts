/**
 * The start of `native`: the module of `wasm` is started, ONNX Runtime is loaded from its shared library, and
 * the products of both tfjs and ops/ are led to it. Because the library is called through hand-written
 * addresses of functions (ort_api.ts), a small product in all four layouts is computed and compared before
 * anything depends on it.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Started } from "../backend.ts";
import { heapView } from "../wasm/heap.ts";
import { heapKernels } from "../wasm/kernels.ts";
import { whole } from "../wasm/products.ts";
import { startHeap, useKernels } from "../wasm/start.ts";
import { nativeGelu, nativeSoftmax } from "./functions.ts";
import { replaceMatMul } from "./mat_mul.ts";
import { nativeMultiply, nativeProducts } from "./products.ts";
import { loadRuntime } from "./runtime.ts";

/**
 * Makes the backend `native` current.
 * @param memory as for {@linkcode startHeap}
 * @throws Error when the library is missing or a product comes out wrong
 */
export async function startNative(memory?: number, threads?: number): Promise<Started> {
  const started = await startHeap(memory);
  loadRuntime(threads);
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) checkProduct(transposeA, transposeB);
  }
  replaceMatMul();
  useKernels({
    ...heapKernels(nativeProducts, nativeSoftmax),
    ...nativeGelu,
  });
  return started;
}

/**
 * Computes [[1, 2], [3, 4], [5, 6]] times [[1, 0, 2], [0, 1, 3]], added to ones. @throws Error when the
 * result differs
 */
function checkProduct(transposeA: boolean, transposeB: boolean): void {
  tf.tidy(() => {
    const a = tf.tensor2d(transposeA ? [[1, 3, 5], [2, 4, 6]] : [[1, 2], [3, 4], [5, 6]]);
    const b = tf.tensor2d(transposeB ? [[1, 0], [0, 1], [2, 3]] : [[1, 0, 2], [0, 1, 3]]);
    const sum = tf.fill([3, 3], 1) as tf.Tensor2D;
    const factors = [{ ...whole(a), transposed: transposeA }, {
      ...whole(b),
      transposed: transposeB,
    }] as const;
    nativeMultiply(factors, whole(sum), true);
    const result = heapView(sum).join();
    if (result !== "2,3,9,4,5,19,6,7,29") {
      throw new Error(`a 3x2x3 product of ONNX Runtime came out as ${result}`);
    }
  });
}
