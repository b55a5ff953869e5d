import * as tf from "@tensorflow/tfjs-core";
import type { Kernels } from "../ops/kernels.ts";
import { heapKernels } from "../wasm/kernels.ts";
import { replaceMatMul } from "./mat_mul.ts";
import { nativeMultiply } from "./products.ts";
import { loadRuntime } from "./runtime.ts";

/** Loads ONNX Runtime, checks a known product, and returns the kernels. @throws Error when something is missing */
export function nativeKernels(): Partial<Kernels> {
  loadRuntime();
  replaceMatMul();
  const product = tf.tidy(() =>
    tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]])).dataSync()
  );
  if (product.join() !== "19,22,43,50") throw new Error(`a 2x2 product came out as ${product.join()}`);
  return heapKernels(nativeMultiply);
}
