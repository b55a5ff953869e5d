import "@tensorflow/tfjs-backend-wasm";
import { replaceKernels } from "../../ops/kernels.ts";
import { useEngine } from "../engine.ts";
import { heapSoftmax } from "./attention.ts";
import { copySlice } from "./copy_slice.ts";
import { guardHeap } from "./guard_heap.ts";
import { heapKernels } from "./kernels.ts";
import { copiedMultiply, copiedMultiplyPlanes } from "./products.ts";
import { shareIdentity } from "./share_identity.ts";

/** Makes the WASM module current and mends what both backends in it need. @throws Error when it does not start */
export async function startHeap(): Promise<void> {
  await useEngine("wasm");
  guardHeap();
  shareIdentity();
  copySlice();
}

/** Makes the backend `wasm` current. @throws Error when it does not start */
export async function startWasm(): Promise<void> {
  await startHeap();
  replaceKernels(
    "wasm",
    heapKernels(copiedMultiply, { multiply: copiedMultiplyPlanes, softmax: heapSoftmax }),
  );
}
